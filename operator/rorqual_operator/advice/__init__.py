"""What `rorqual recommend` shows of one search: a table, a document, a manifest and a picture."""
