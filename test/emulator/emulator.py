"""moto's server, with what this release gets wrong put right, and the one call added that it lacks of a whole.

A call that it has no answer to is refused at once and written into the file that DHISTANCE_LACKS names: left to itself
it fails as a server would that is briefly out of order, and clients try again for minutes.
"""

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
from moto.core.responses import ActionResult, BaseResponse
from moto.ec2.models.subnets import Subnet
from moto.efs.responses import EFSResponse
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.moto_server.werkzeug_app import DomainDispatcherApplication
from moto.rds.models import DBInstance
from moto.rds.responses import RDSResponse
from moto.route53.models import FakeZone
from moto.s3.models import LOGGING_SERVICE_PRINCIPAL, FakeBucket
from moto.server import main
from werkzeug.test import run_wsgi_app


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


def get_permission(self, action, resource):
    """moto takes a condition that it does not understand for one that denies; what depends on one is left out."""
    if self.policy is None:
        return PermissionResult.NEUTRAL
    policy = json.loads(self.policy)
    policy["Statement"] = [each for each in policy["Statement"] if "Condition" not in each]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


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


def delete_file_system_policy(self):
    """moto can put and describe it, and has no way back."""
    self.efs_backend.file_systems_by_id[self._get_param("FileSystemId")].file_system_policy = None
    return "{}", {"Content-Type": "application/json"}


def make_database(self, *args, original=DBInstance.__init__, **kwargs):
    """moto gives every database the same id, by which the provider asks for it, and forgets performance insights."""
    original(self, *args, **kwargs)
    letters = string.ascii_uppercase + string.digits
    self.dbi_resource_id = "db-" + "".join(secrets.choice(letters) for _ in range(26))
    self.enable_performance_insights = kwargs.get("enable_performance_insights", False)
    for name in ("performance_insights_kms_key_id", "performance_insights_retention_period"):
        setattr(self, name, kwargs.get(name))


def delete_record(self, record, original=FakeZone.delete_rrset):
    """moto adds the dot at the end of a name when a record is made, and not when it is to go."""
    return original(self, {**record, "Name": record["Name"].rstrip(".") + "."})


def orderable(self):
    """moto knows what is sold of Aurora alone; here all that is asked for is."""
    asked = ("Engine", "EngineVersion", "DBInstanceClass")
    option = {name: self._get_param(name) for name in asked}
    option |= {"LicenseModel": "postgresql-license", "StorageType": "gp3", "Vpc": True, "MultiAZCapable": True}
    return ActionResult({"OrderableDBInstanceOptions": [option]})


def list_backup_tags(self):
    """moto expects a slash at the path's end, which only Python's client writes, and else finds no tags."""
    arn = unquote(self.path.partition("/tags/")[2].rstrip("/"))
    return json.dumps({"Tags": self.backup_backend.list_tags(resource_arn=arn)})


def call_action(self, original=BaseResponse.call_action):
    """moto says of a call that it does not know that there is no such thing, which providers believe."""
    if not self._get_action():
        raise NotImplementedError(f"no such call of {self.service_name}")
    return original(self)


def answer(self, environ, start_response):
    try:
        with ONE_AT_A_TIME:
            body, status, headers = run_wsgi_app(self.get_application(environ), environ, buffered=True)
            content = b"".join(body)
        fault = status if status[0] == "5" or PAGE in content[:20].lower() else None
    except Exception as error:
        fault = f"{type(error).__name__}: {error}"
    if not fault:
        start_response(status, headers.to_wsgi_list())
        return [content]
    call = environ.get("HTTP_X_AMZ_TARGET") or f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    with open(os.environ["DHISTANCE_LACKS"], "a") as lacks:
        lacks.write(f"{call}: {fault}\n")
    start_response("400 Bad Request", [("Content-Type", "text/plain")])
    return [f"the emulator has no answer to {call}: {fault}".encode()]


# moto goes through its tables while another call changes them, and fails.
ONE_AT_A_TIME = threading.Lock()
# Of pages that are for people: its own 404, for a path that it does not know.
PAGE = b"<!doctype html"

AWSCertificateManagerResponse.request_certificate = request_certificate
BackupResponse.list_tags = list_backup_tags
BaseResponse.call_action = call_action
CertBundle.describe = describe_certificate
EFSResponse.delete_file_system_policy = delete_file_system_policy
DBInstance.__init__ = make_database
DomainDispatcherApplication.__call__ = answer
DBInstance.performance_insights_enabled = property(lambda self: self.enable_performance_insights)
Subnet.ipv6_cidr_block_association_set = property(associated_ipv6_blocks)
FakeZone.delete_rrset = delete_record
RDSResponse.describe_orderable_db_instance_options = orderable
FakeBucket.get_permission = get_permission
FakeBucket._log_permissions_enabled_policy = staticmethod(policy_lets_logs_in)


def end_with(parent):
    """Whoever started it may have been killed; nobody else knows of it."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    main()
