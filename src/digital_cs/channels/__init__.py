"""The far ends of wires: SMTP, the sink, webhooks."""
