"""Upload parquet files of any size to S3."""

# Written here, not asked of the installed metadata: that costs 25 ms at every start.
__version__ = "0.1.0"
