"""Turns e-mail templates of other senders (HTML with {{variables}}) into e-mails of ours."""
