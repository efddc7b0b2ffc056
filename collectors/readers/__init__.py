"""One module for each tool whose output is read. Each returns typed values or raises ReadError with file
and line."""
