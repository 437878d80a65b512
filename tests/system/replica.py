"""The site's settings with a replica, from which everything is read but the write path.

It is the same database by another connection: what a transaction has not committed yet
is not there.
"""

from project.settings import *  # noqa: F403
from project.settings import DATABASES
from tests.two_databases import ALIAS, WRITE_ROUTER

DATABASES = {**DATABASES, ALIAS: {**DATABASES["default"]}}
DATABASE_ROUTERS = [WRITE_ROUTER, "tests.two_databases.ReplicaRouter"]
