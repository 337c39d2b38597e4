"""Commands about tickets and topics."""
