"""Frames by hand: enough of Ethernet, ARP, IPv4, IPv6, ICMP, ND and TCP to make good ones and spoil them."""
import ipaddress
import random
import struct

from testbed import BACKENDS4, CLIENT4, CLIENT6, GATE4, SERVICE4, SERVICE6, SOURCE4

SYN, ACK, RST, FIN, PSH, URG = 0x02, 0x10, 0x04, 0x01, 0x08, 0x20
TCP, ICMP, ICMP6, UDP = 6, 1, 58, 17


def checksum(data: bytes) -> int:
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def packed(address: str) -> bytes:
    return ipaddress.ip_address(address).packed


def ethernet(destination: bytes, source: bytes, kind: int, payload: bytes) -> bytes:
    return destination + source + struct.pack("!H", kind) + payload


def ip(source: str, destination: str, protocol: int, payload: bytes, options: bytes = b"",
       fragment: int = 0x4000) -> bytes:
    """ip puts a header before `payload`; `protocol` is also the first next-header value of IPv6.

    `options` and `fragment` (flags and offset: do not fragment) are those of IPv4.
    """
    if ":" in source:
        return struct.pack("!IHBB", 0x60000000, len(payload), protocol, 64) + packed(source) + packed(
            destination) + payload
    length = 20 + len(options)
    head = struct.pack("!BBHHHBBH", 0x40 | length // 4, 0, length + len(payload), 7, fragment, 64, protocol, 0)
    head += packed(source) + packed(destination) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def kind_of(address: str) -> int:
    return 0x86DD if ":" in address else 0x0800


def pseudo(source: str, destination: str, protocol: int, length: int) -> bytes:
    if ":" in source:
        return packed(source) + packed(destination) + struct.pack("!II", length, protocol)
    return packed(source) + packed(destination) + struct.pack("!BBH", 0, protocol, length)


def segment(source: str, destination: str, source_port: int, port: int, flags: int, sequence: int = 1,
            acknowledgment: int = 0, options: bytes = b"", payload: bytes = b"", window: int = 65535,
            urgent: int = 0, offset: int | None = None) -> bytes:
    """segment has its checksum right, and its data offset unless `offset` is another one."""
    options += b"\0" * (-len(options) % 4)
    words = 5 + len(options) // 4 if offset is None else offset
    head = struct.pack("!HHIIBBHHH", source_port, port, sequence, acknowledgment, words << 4 & 0xFF, flags, window,
                       0, urgent) + options
    whole = head + payload
    total = checksum(pseudo(source, destination, TCP, len(whole)) + whole)
    return whole[:16] + struct.pack("!H", total) + whole[18:]


def tcp(source: str, destination: str, *words, **more) -> bytes:
    """tcp is segment() as a packet."""
    return ip(source, destination, TCP, segment(source, destination, *words, **more))


def echo(source: str, destination: str, payload: bytes) -> bytes:
    if ":" in source:
        body = struct.pack("!BBHHH", 128, 0, 0, 1, 1) + payload
        total = checksum(pseudo(source, destination, ICMP6, len(body)) + body)
        return ip(source, destination, ICMP6, body[:2] + struct.pack("!H", total) + body[4:])
    body = struct.pack("!BBHHH", 8, 0, 0, 1, 1) + payload
    return ip(source, destination, ICMP, body[:2] + struct.pack("!H", checksum(body)) + body[4:])


def arp(operation: int, mac: bytes, sender: str, target: str) -> bytes:
    return struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + mac + packed(sender) + bytes(6) + packed(target)


def neighbour_message(kind: int, source: str, destination: str, target: str, mac: bytes) -> bytes:
    body = struct.pack("!BBHI", kind, 0, 0, 0x60000000 if kind == 136 else 0) + packed(target)
    body += bytes([1 if kind == 135 else 2, 1]) + mac
    total = checksum(pseudo(source, destination, ICMP6, len(body)) + body)
    packet = ip(source, destination, ICMP6, body[:2] + struct.pack("!H", total) + body[4:])
    return packet[:7] + b"\xff" + packet[8:]  # hop limit 255, as RFC 4861 wants it


def good_frames(gate: bytes, client: bytes, port: int, draw: random.Random) -> list[bytes]:
    """good_frames are what spoil() starts from: each well-formed, though not each welcome."""
    options = (b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + draw.randbytes(4) + b"\0\0\0\0\x01\x03\x03\x07")
    packets = []
    for source, destination in ((CLIENT4, SERVICE4), (CLIENT6, SERVICE6)):
        here = draw.randrange(1024, 65536)
        packets += [tcp(source, destination, here, port, flags, draw.randrange(1 << 32), draw.randrange(1 << 32),
                        options if flags & SYN else b"\x01\x01\x08\x0a" + draw.randbytes(8), data)
                    for flags, data in ((SYN, b""), (SYN, b"early"), (SYN | ACK, b""), (ACK, b""), (RST, b""),
                                        (RST | ACK, b""), (FIN | ACK, b""), (0, b""), (0xFF, b""), (SYN | FIN, b""),
                                        (ACK | PSH, b"\x16\x03\x01\x00\x05hello"), (ACK | URG, b"urgent"))]
        packets.append(echo(source, destination, draw.randbytes(draw.randrange(0, 1400))))
        packets.append(ip(source, destination, UDP, struct.pack("!HHHH", 53, 53, 12, 0) + b"data"))
    packets.append(tcp(SERVICE4, SERVICE4, port, port, SYN))  # land
    packets.append(tcp("127.0.0.1", SERVICE4, 5000, port, SYN))
    packets.append(tcp("224.0.0.1", SERVICE4, 5000, port, SYN))
    packets.append(tcp(BACKENDS4[0], SOURCE4, 8080, draw.randrange(16384, 65536), ACK, 1, 1, b"", b"forged"))
    fragment = tcp(CLIENT4, SERVICE4, 5001, port, SYN)
    packets.append(fragment[:6] + b"\x20\x00" + fragment[8:])  # more fragments; checksum now wrong
    hops = struct.pack("!BB", TCP, 0) + bytes(6)
    inner = tcp(CLIENT6, SERVICE6, 5002, port, SYN)[40:]
    packets.append(ip(CLIENT6, SERVICE6, 0, hops + inner))
    packets.append(ip(CLIENT6, SERVICE6, 0, (struct.pack("!BB", 0, 0) + bytes(6)) * 6 + hops + inner))
    packets.append(ip(CLIENT6, SERVICE6, 44, struct.pack("!BBHI", TCP, 0, 1, 9) + inner))
    quoted = tcp(SERVICE4, CLIENT4, port, 5003, ACK)[:28]
    unreachable = struct.pack("!BBHHH", 3, 4, 0, 0, 576) + quoted
    packets.append(ip(CLIENT4, SERVICE4, ICMP,
                      unreachable[:2] + struct.pack("!H", checksum(unreachable)) + unreachable[4:]))
    packets.append(neighbour_message(135, CLIENT6, SERVICE6, SERVICE6, client))
    packets.append(neighbour_message(136, CLIENT6, SERVICE6, CLIENT6, client))
    frames = [ethernet(gate, client, 0x86DD if packet[0] >> 4 == 6 else 0x0800, packet) for packet in packets]
    for operation in (1, 2, 3):
        frames.append(ethernet(gate, client, 0x0806, arp(operation, client, CLIENT4, GATE4)))
    frames.append(ethernet(gate, client, 0x8100, struct.pack("!HH", 77, 0x0800) + packets[0]))
    frames.append(ethernet(gate, client, 0x88CC, b"\x02\x07\x04" + bytes(60)))
    return frames


def mend_checksums(frame: bytes) -> bytes:
    """mend_checksums makes the checksums right again, so that a spoilt frame gets past them."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return frame
    packet = bytearray(frame[14:])
    length = (packet[0] & 15) * 4
    if length < 20 or length > len(packet):
        return frame
    packet[10:12] = b"\0\0"
    packet[10:12] = struct.pack("!H", checksum(bytes(packet[:length])))
    end = min(struct.unpack("!H", packet[2:4])[0], len(packet))
    segment = packet[length:end]
    at = {TCP: 16, ICMP: 2}.get(packet[9])
    if at is not None and len(segment) >= at + 2:
        segment[at:at + 2] = b"\0\0"
        head = bytes(packet[12:20]) + struct.pack("!BBH", 0, TCP, len(segment)) if packet[9] == TCP else b""
        segment[at:at + 2] = struct.pack("!H", checksum(head + bytes(segment)))
        packet[length:end] = segment
    return frame[:14] + bytes(packet)


def spoil(frame: bytes, draw: random.Random) -> bytes:
    """spoil truncates a frame, flips bits of it, or lengthens it; now and then it leaves it as it is."""
    kind = draw.randrange(10)
    if kind < 3:
        return frame[:draw.randrange(14, len(frame) + 1)]
    if kind == 3:
        return frame + draw.randbytes(draw.randrange(1, 200))
    if kind == 9:
        return frame
    spoilt = bytearray(frame)
    for _ in range(draw.choice((1, 1, 2, 8))):
        bit = draw.randrange(12 * 8, len(spoilt) * 8)
        spoilt[bit // 8] ^= 1 << bit % 8
    return mend_checksums(bytes(spoilt)) if kind >= 6 else bytes(spoilt)
