"""``python -m ops.cli``: the same entrance for an environment whose scripts are not on the path."""

import sys

from ops.cli import main

sys.exit(main())
