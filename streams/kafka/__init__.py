"""Kafka in and out: topics, the relay that sends recorded events, the line that takes agencies' messages in."""
