"""`doctor`: every right and setting that an upload needs, tried before a large one."""

from tiktok_upload.doctor.examination import doctor

__all__ = ["doctor"]
