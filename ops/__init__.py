"""The porch: settings, the composition root, commands, HTTP, pages, metrics and the demo."""
