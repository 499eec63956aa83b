"""`python -m tiktok_upload`: the command where its script is not on the PATH."""

from tiktok_upload.cli import main

if __name__ == "__main__":
    main()
