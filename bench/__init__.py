"""The bench: this project beside other servers, all in one run on one machine."""
