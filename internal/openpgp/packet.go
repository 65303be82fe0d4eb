package openpgp

import (
	"errors"
	"fmt"
)

// Packet types (RFC 9580, section 5).
const (
	tagSignature = 2
	tagSecretKey = 5
	tagPublicKey = 6
)

// rawPacket is a packet with its header.
type rawPacket struct {
	tag   int
	bytes []byte
}

var errTruncated = errors.New("truncated packet")

// splitPackets cuts data into at most limit packets (RFC 9580, section 4.2), without
// looking into them. Partial lengths are refused: keys and signatures never have them.
func splitPackets(data []byte, limit int) ([]rawPacket, error) {
	var ps []rawPacket
	for len(data) > 0 {
		if len(ps) == limit {
			return nil, fmt.Errorf("more than %d packets", limit)
		}
		tag, header, length, err := packetHeader(data)
		if err != nil {
			return nil, err
		}
		if length > len(data)-header {
			return nil, errTruncated
		}
		ps = append(ps, rawPacket{tag, data[:header+length]})
		data = data[header+length:]
	}
	return ps, nil
}

// packetHeader returns a packet's type and the lengths of its header and body.
func packetHeader(b []byte) (tag, header, length int, err error) {
	if b[0]&0x80 == 0 {
		return 0, 0, 0, fmt.Errorf("not an OpenPGP packet: first byte %#02x", b[0])
	}
	n := 0 // octets of length
	if b[0]&0x40 == 0 {
		tag = int(b[0]>>2) & 15
		if b[0]&3 == 3 {
			return 0, 0, 0, errors.New("packet of indeterminate length")
		}
		n, header = 1<<(b[0]&3), 1
	} else {
		tag = int(b[0] & 63)
		if len(b) < 2 {
			return 0, 0, 0, errTruncated
		}
		switch c := b[1]; {
		case c < 192:
			n, header = 1, 1
		case c < 224:
			if len(b) < 3 {
				return 0, 0, 0, errTruncated
			}
			return tag, 3, (int(c)-192)<<8 + int(b[2]) + 192, nil
		case c == 255:
			n, header = 4, 2
		default:
			return 0, 0, 0, errors.New("packet of partial length")
		}
	}
	if len(b) < header+n {
		return 0, 0, 0, errTruncated
	}
	for _, c := range b[header : header+n] {
		length = length<<8 | int(c)
	}
	if length < 0 {
		return 0, 0, 0, errTruncated
	}
	return tag, header + n, length, nil
}
