"""moto's server, with what this release gives back wrongly put right. Nothing is added that it lacks."""

from moto.ec2.models.subnets import Subnet
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


Subnet.ipv6_cidr_block_association_set = property(associated_ipv6_blocks)

if __name__ == "__main__":
    main()
