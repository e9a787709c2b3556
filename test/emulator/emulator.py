"""moto's server, with what this release gives back wrongly put right. Nothing is added that it lacks."""

import json
import os
import secrets
import string
import threading
import time
from fnmatch import fnmatchcase
from urllib.parse import unquote

from moto.acm.models import CertBundle
from moto.acm.responses import AWSCertificateManagerResponse
from moto.backup.responses import BackupResponse
from moto.ec2.models.subnets import Subnet
from moto.rds.models import DBInstance
from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket
from moto.server import main


def associated_ipv6_blocks(subnet):
    """The state is a text; moto puts the record that holds it there, and the provider waits for it in vain."""
    return [
        {
            "associationId": association["associationId"],
            "ipv6CidrBlock": association["ipv6CidrBlock"],
            "ipv6CidrBlockState": {"state": association["ipv6CidrBlockState"]["State"]},
        }
        for association in subnet.ipv6_cidr_block_associations.values()
        if association["ipv6CidrBlockState"]["State"] == "associated"
    ]


def policy_lets_logs_in(target_bucket, target_prefix):
    """moto takes every principal for a mapping, and every resource for one text without a pattern inside."""
    log = f"arn:{target_bucket.partition}:s3:::{target_bucket.name}/{target_prefix or ''}a-log"
    for statement in json.loads(target_bucket.policy or '{"Statement": []}')["Statement"]:
        principal = statement.get("Principal")
        service = principal.get("Service") if isinstance(principal, dict) else None
        if (
            statement["Effect"] == "Allow"
            and LOGGING_SERVICE_PRINCIPAL in listed(service)
            and "s3:PutObject" in listed(statement["Action"])
            and any(fnmatchcase(log, resource) for resource in listed(statement["Resource"]))
        ):
            return True
    return False


def listed(value):
    return value if isinstance(value, list) else [value]


def request_certificate(self, original=AWSCertificateManagerResponse.request_certificate):
    """moto makes every certificate an RSA one, and the provider would replace it at the next update."""
    response = original(self)
    certificate = self.acm_backend.get_certificate(response.result["CertificateArn"])
    certificate.asked_algorithm = self._get_param("KeyAlgorithm")
    return response


def describe_certificate(self, original=CertBundle.describe):
    described = original(self)
    if getattr(self, "asked_algorithm", None):
        described["Certificate"]["KeyAlgorithm"] = self.asked_algorithm
    return described


def make_database(self, *args, original=DBInstance.__init__, **kwargs):
    """moto gives every database the same id, by which the provider asks for it, and forgets performance insights."""
    original(self, *args, **kwargs)
    letters = string.ascii_uppercase + string.digits
    self.dbi_resource_id = "db-" + "".join(secrets.choice(letters) for _ in range(26))
    self.enable_performance_insights = kwargs.get("enable_performance_insights", False)
    for name in ("performance_insights_kms_key_id", "performance_insights_retention_period"):
        setattr(self, name, kwargs.get(name))


def list_backup_tags(self):
    """moto expects a slash at the path's end, which only Python's client writes, and else finds no tags."""
    arn = unquote(self.path.partition("/tags/")[2].rstrip("/"))
    return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})


AWSCertificateManagerResponse.request_certificate = request_certificate
BackupResponse.list_tags = list_backup_tags
CertBundle.describe = describe_certificate
DBInstance.__init__ = make_database
DBInstance.performance_insights_enabled = property(lambda self: self.enable_performance_insights)
Subnet.ipv6_cidr_block_association_set = property(associated_ipv6_blocks)
FakeBucket._log_permissions_enabled_policy = staticmethod(policy_lets_logs_in)


def end_with(parent):
    """Whoever started it may have been killed; nobody else knows of it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    main()
