"""Upload parquet files of any size to S3."""
