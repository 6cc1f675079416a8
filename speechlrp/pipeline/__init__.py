"""What a stage is, and how one is run: its folder, its record, its inputs; no verb lives here."""
