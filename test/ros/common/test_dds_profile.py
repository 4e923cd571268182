"""The shared-memory profile: who sets it, by which name, and that Fast DDS would read it."""
from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from importlib import metadata

import pytest

from effvit_ros.ros.common.dds import dds_environment, NEW_NAME, OLD_NAME


@pytest.mark.parametrize('distro, name', [
    ('humble', OLD_NAME), ('jazzy', OLD_NAME), ('kilted', NEW_NAME), ('rolling', NEW_NAME)])
def test_each_release_gets_the_name_that_it_reads(distro, name):
    environment = dds_environment({'ROS_DISTRO': distro})
    assert list(environment) == [name]
    assert environment[name].endswith('fastdds_shm.xml')


@pytest.mark.parametrize('name', [OLD_NAME, NEW_NAME])
def test_a_users_own_profile_stays(name):
    assert dds_environment({name: '/home/me/profile.xml'}) == {}


@pytest.mark.parametrize('version, names', [
    ('9.3.3', [NEW_NAME]), ('8.4.2', [OLD_NAME]), (None, [NEW_NAME, OLD_NAME])])
def test_without_a_sourced_ros_the_wheels_version_decides(monkeypatch, version, names):
    def installed(_):
        if version is None:
            raise metadata.PackageNotFoundError
        return version
    monkeypatch.setattr(metadata, 'version', installed)
    assert list(dds_environment({})) == names


def test_the_profile_offers_shared_memory_for_pictures_beside_udp():
    path, = set(dds_environment({'ROS_DISTRO': 'kilted'}).values())
    space = {'d': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}
    root = ElementTree.parse(path).getroot()
    transports = {
        t.find('d:transport_id', space).text: t
        for t in root.iterfind('.//d:transport_descriptor', space)}
    used = [t.text for t in root.iterfind('.//d:userTransports/d:transport_id', space)]
    assert sorted(used) == sorted(transports)
    kinds = {t.find('d:type', space).text: t for t in transports.values()}
    assert sorted(kinds) == ['SHM', 'UDPv4']
    size = {name: int(kinds['SHM'].find(f'd:{name}', space).text)
            for name in ('segment_size', 'maxMessageSize')}
    assert size == {'segment_size': 64 << 20, 'maxMessageSize': 16 << 20}
