"""Apache Kafka on one's own machine."""
