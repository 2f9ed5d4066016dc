"""What `rorqual simulate` runs and shows: policies on the same requests, their scores, and why they scaled."""
