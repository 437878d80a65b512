"""The benchmark: this project and other servers, in one run on one machine."""
