"""What the client tests share: the broker, guarded waiting, unique names, raw AMQP bytes."""
