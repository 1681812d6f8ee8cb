"""What this machine carries: `hearing bench NAME`, one JSON object each."""
