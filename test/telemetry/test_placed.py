"""Alerts with a place: their text, Cursor on Target against its schema, GeoJSON lines."""
from __future__ import annotations

import json
import socket
from datetime import datetime, timezone

import pytest
from std_msgs.msg import Header

from effvit_ros.core.alerts import Alert, CLEARED, Place, RAISED
from effvit_ros.core.errors import UserError
from effvit_ros.ros.segmenter.alert_topic import alerts_in, alerts_message
from effvit_ros.telemetry.cot import cot_event, CotSender
from effvit_ros.telemetry.geojson_lines import feature_line, GeojsonLines
from effvit_ros.telemetry.placed import PlacedAlerts
from effvit_ros.telemetry.status_text import Announcer, parse_severities, status_text

NOON = datetime(2026, 11, 27, 12, 0, 0, 250_000, timezone.utc)
#: The base event of Cursor on Target 2.0, as MITRE describes it.
SCHEMA = """<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
<xs:simpleType name="zulu"><xs:restriction base="xs:dateTime"><xs:pattern value=".*Z"/>
</xs:restriction></xs:simpleType>
<xs:element name="event"><xs:complexType><xs:all>
 <xs:element name="detail" minOccurs="0"><xs:complexType><xs:sequence>
  <xs:any processContents="skip" minOccurs="0" maxOccurs="unbounded"/></xs:sequence>
  </xs:complexType></xs:element>
 <xs:element name="point"><xs:complexType>
  <xs:attribute name="lat" use="required"><xs:simpleType><xs:restriction base="xs:decimal">
   <xs:minInclusive value="-90"/><xs:maxInclusive value="90"/></xs:restriction>
   </xs:simpleType></xs:attribute>
  <xs:attribute name="lon" use="required"><xs:simpleType><xs:restriction base="xs:decimal">
   <xs:minInclusive value="-180"/><xs:maxInclusive value="180"/></xs:restriction>
   </xs:simpleType></xs:attribute>
  <xs:attribute name="hae" type="xs:decimal" use="required"/>
  <xs:attribute name="ce" type="xs:decimal" use="required"/>
  <xs:attribute name="le" type="xs:decimal" use="required"/></xs:complexType></xs:element>
 </xs:all>
 <xs:attribute name="version" use="required"><xs:simpleType><xs:restriction base="xs:decimal">
  <xs:minInclusive value="2"/></xs:restriction></xs:simpleType></xs:attribute>
 <xs:attribute name="type" use="required"><xs:simpleType><xs:restriction base="xs:string">
  <xs:pattern value="\\w+(-\\w+)*(;[^;]*)?"/></xs:restriction></xs:simpleType></xs:attribute>
 <xs:attribute name="access" type="xs:string"/><xs:attribute name="qos" type="xs:string"/>
 <xs:attribute name="opex" type="xs:string"/>
 <xs:attribute name="uid" type="xs:string" use="required"/>
 <xs:attribute name="time" type="zulu" use="required"/>
 <xs:attribute name="start" type="zulu" use="required"/>
 <xs:attribute name="stale" type="zulu" use="required"/>
 <xs:attribute name="how" use="required"><xs:simpleType><xs:restriction base="xs:string">
  <xs:pattern value="\\w(-\\w+)*"/></xs:restriction></xs:simpleType></xs:attribute>
</xs:complexType></xs:element></xs:schema>"""


def person(number=1, latitude=47.058312, longitude=15.457121, radius=5.6, state=RAISED):
    return Alert('person', state, 0.0, Place(latitude, longitude, radius), f'person {number}')


@pytest.mark.parametrize('alert, text', [
    (person(), 'person at 47.05831, 15.45712 +-6 m'),
    (person()._replace(name='building_damaged', place=Place(-47.5, -115.25, 120.0)),
     'building_damaged at -47.50000, -115.25000 +-120 m'),
    (person(state=CLEARED), 'person gone'),
    (Alert('person', RAISED, 0.0123), 'person seen: 1.23% of picture'),
])
def test_a_text_says_the_place_in_fifty_characters(alert, text):
    status = status_text(alert, parse_severities(''))
    assert status.text == text and len(status.text) <= 50


def test_two_persons_are_two_texts():
    announcer = Announcer(parse_severities('person=critical'))
    announcer.take((person(1), person(2, 47.1)))
    texts = []
    while announcer.next():
        texts.append(announcer.next().text)
        announcer.sent(announcer.next())
    assert texts == ['person at 47.05831, 15.45712 +-6 m', 'person at 47.10000, 15.45712 +-6 m']


def test_a_place_passes_through_the_topic():
    sent = (person(), Alert('fire/flare', RAISED, 0.02))
    got = alerts_in(alerts_message(sent, Header()))
    assert got[0].place == pytest.approx((47.058312, 15.457121, 5.6))
    assert got[0].key == 'person 1' and got[1].place is None and got[1].key == 'fire/flare'


@pytest.mark.parametrize('alert', [
    person(), person(state=CLEARED), person()._replace(name='fire & "smoke" <flare>')])
def test_cursor_on_target_is_as_its_schema_wants(alert):
    xmlschema = pytest.importorskip('xmlschema', reason='xmlschema is not installed')
    document = cot_event(alert, 'uav1.person_1', NOON, 300).decode()
    xmlschema.XMLSchema(SCHEMA).validate(document)
    assert 'lat="47.0583120" lon="15.4571210"' in document and 'ce="5.6"' in document
    assert 'time="2026-11-27T12:00:00.250Z"' in document
    stale = '12:05:00.250Z' if alert.state == RAISED else '12:00:00.250Z'
    assert f'stale="2026-11-27T{stale}"' in document


def test_the_schema_of_the_test_refuses_what_is_wrong():
    xmlschema = pytest.importorskip('xmlschema', reason='xmlschema is not installed')
    document = cot_event(person(latitude=97.0), 'x', NOON, 300).decode()
    assert not xmlschema.XMLSchema(SCHEMA).is_valid(document)


def test_cursor_on_target_arrives_by_udp():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(('127.0.0.1', 0))
        ear.settimeout(5)
        sender = CotSender(f'127.0.0.1:{ear.getsockname()[1]}', 'uav1', 60.0)
        sender.send(person())
        sender.close()
        assert b'uid="uav1.person_1"' in ear.recv(65536)


@pytest.mark.parametrize('address', ['', '239.2.3.1', ':6969', 'host:0', 'host:x', 'a:99999'])
def test_an_address_that_is_none_is_one_line(address):
    with pytest.raises(UserError, match='cot_address'):
        CotSender(address, 'x', 60.0)


def test_geojson_lines_are_appended(tmp_path):
    lines = GeojsonLines(tmp_path / 'new' / 'alerts.geojsonl')
    lines.send(person())
    lines.send(person(state=CLEARED))
    lines.close()
    read = [json.loads(line) for line in (tmp_path / 'new' / 'alerts.geojsonl').open()]
    assert read[0]['geometry'] == {'type': 'Point', 'coordinates': [15.457121, 47.058312]}
    assert [line['properties']['state'] for line in read] == [RAISED, CLEARED]
    assert json.loads(feature_line(person(), NOON))['properties']['time'] == (
        '2026-11-27T12:00:00.250Z')


def test_a_map_is_told_what_is_new_what_moved_and_what_is_gone():
    placed = PlacedAlerts()
    assert [a.key for a in placed.take((person(1), person(2, 47.1)))] == ['person 1', 'person 2']
    near, far = person(1, 47.058320), person(1, 47.058412)
    assert placed.take((near, person(2, 47.1))) == [], 'a metre of six is no news'
    assert placed.take((far, person(2, 47.1))) == [far], 'eleven metres are'
    assert [(a.key, a.state) for a in placed.take((far,))] == [('person 2', CLEARED)]


def test_a_marker_is_sent_again_before_it_is_stale():
    placed = PlacedAlerts()
    for alert in placed.take((person(),)):
        placed.sent(alert, now=100.0)
    assert placed.due(120.0, 30.0) == []
    assert [a.key for a in placed.due(130.0, 30.0)] == ['person 1']
