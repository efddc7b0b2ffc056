"""One self-contained page about a campaign: tables, charts, evidence, and where every number comes from."""
