"""What a deployment is made of: units, alerts, and a broker for one's own machine."""
