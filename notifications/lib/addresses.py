"""Addresses of clients, grouped by who has them."""

import ipaddress

# The smallest network that one IPv6 customer gets, in bits: RFC 6177 and RFC 4862. Each
# of its hosts may use any address in it, and change it at will.
CUSTOMER_BITS = 64


def client_network(address: str) -> str:
    """Return the network that an address counts for: itself, or an IPv6 /64.

    An IPv4 address that is written as IPv6 counts as the IPv4 address. Text that is not
    an IP address is returned unchanged.
    """
    # A fast path for IPv4.
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    network = ipaddress.IPv6Network((int(parsed), CUSTOMER_BITS), strict=False)
    return str(network)
