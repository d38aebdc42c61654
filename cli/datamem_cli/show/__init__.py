"""What commands print: tables and other formats, answers, outcomes, progress."""
