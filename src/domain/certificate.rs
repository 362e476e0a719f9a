//! The validity of an X.509 certificate, read from its DER form (RFC 5280, section 4.1).

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Tags of DER that stand before and in the validity.
const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The time in which a certificate is valid, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// Begin.
    pub not_before: Timestamp,
    /// End.
    pub not_after: Timestamp,
}

/// Reads the validity of a certificate; `None` if this is none.
#[must_use]
pub fn validity(der: &[u8]) -> Option<Validity> {
    let (certificate, _) = element(der, SEQUENCE)?;
    let (to_be_signed, _) = element(certificate, SEQUENCE)?;
    let rest = element(to_be_signed, VERSION).map_or(to_be_signed, |(_, rest)| rest);
    // Serial number, signature algorithm, issuer.
    let (_, rest) = element(rest, INTEGER)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (_, rest) = element(rest, SEQUENCE)?;
    let (validity, _) = element(rest, SEQUENCE)?;
    let (not_before, rest) = time(validity)?;
    let (not_after, _) = time(rest)?;
    Some(Validity { not_before, not_after })
}

/// Content of the element with this tag that `der` begins with, and the bytes behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match *first {
        len @ 0..=0x7f => (usize::from(len), rest),
        // The number of bytes of the length.
        count @ 0x81..=0x84 => {
            let (len, rest) = rest.split_at_checked(usize::from(count & 0x7f))?;
            (len.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *found == tag { rest.split_at_checked(len) } else { None }
}

/// The time that `der` begins with, and the bytes behind it.
fn time(der: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (text, rest) = if let Some((text, rest)) = element(der, UTC_TIME) {
        let text = std::str::from_utf8(text).ok()?;
        let century = if text.as_bytes().first()? >= &b'5' { "19" } else { "20" };
        (format!("{century}{text}"), rest)
    } else {
        let (text, rest) = element(der, GENERALIZED_TIME)?;
        (std::str::from_utf8(text).ok()?.to_owned(), rest)
    };
    let time = DateTime::strptime("%Y%m%d%H%M%SZ", text).ok()?;
    Some((TimeZone::UTC.to_timestamp(time).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = u8::try_from(content.len()).unwrap();
        let len = if len < 0x80 { vec![len] } else { vec![0x81, len] };
        [&[tag], &len[..], content].concat()
    }

    /// A certificate up to its validity, whose issuer has so many bytes.
    fn certificate(version: bool, issuer: usize, times: [(u8, &str); 2]) -> Vec<u8> {
        let version = if version { der(VERSION, &der(INTEGER, &[2])) } else { Vec::new() };
        let times = times.map(|(tag, text)| der(tag, text.as_bytes())).concat();
        let parts = [
            version,
            der(INTEGER, &[1, 2]),
            der(SEQUENCE, b"algorithm"),
            der(SEQUENCE, &vec![0; issuer]),
            der(SEQUENCE, &times),
        ];
        der(SEQUENCE, &der(SEQUENCE, &parts.concat()))
    }

    #[test]
    fn both_forms_of_times_are_read_and_damage_is_not() {
        let (utc, general) = ((UTC_TIME, "260102030405Z"), (GENERALIZED_TIME, "20510102030405Z"));
        let old = (UTC_TIME, "991231235959Z");
        let (of_utc, of_general, of_old) =
            ("2026-01-02T03:04:05Z", "2051-01-02T03:04:05Z", "1999-12-31T23:59:59Z");
        let table = [
            (certificate(true, 3, [utc, general]), Some([of_utc, of_general])),
            (certificate(false, 120, [old, utc]), Some([of_old, of_utc])),
            (certificate(true, 3, [utc, (UTC_TIME, "2601020304Z")]), None),
            (certificate(true, 3, [utc, (INTEGER, "260102030405Z")]), None),
            (b"\x30\x84\xff\xff\xff\xff".to_vec(), None),
            (b"\x30\x80".to_vec(), None),
            (Vec::new(), None),
        ];
        for (bytes, expected) in table {
            let found = validity(&bytes);
            let found = found.map(|v| [v.not_before.to_string(), v.not_after.to_string()]);
            assert_eq!(found, expected.map(|times| times.map(str::to_owned)));
            for len in 0..bytes.len() {
                assert_eq!(validity(&bytes[..len]), None, "{len} of {} bytes", bytes.len());
            }
        }
    }
}
