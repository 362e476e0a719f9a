//! Parser of `WebVTT` and `SubRip` files. Every fault has the number of its line.

use std::time::Duration;

use crate::domain::hls::webvtt::{self, Cue, CueBudget, markup};

/// Settings of a cue in `WebVTT` that say where it stands. Regions are left out.
const SETTINGS: [&str; 5] = ["vertical", "line", "position", "size", "align"];
/// Longest value of a setting, such as `12.34%,line-left`, in bytes.
const MAX_SETTING_BYTES: usize = 24;
/// Most bytes of the cues of one file in the segments of a stream: a cue stands in each segment that it overlaps. A
/// film with much dialogue has less than 1 MiB.
const MAX_RENDERED_BYTES: u64 = 8 << 20;
/// Reason and remedy for more than that.
const TOO_MUCH: &str = "the text is too much for this video, since a cue is repeated every few seconds while it lasts: \
                        shorten the cues that last long";

/// Largest time in hours: more than any video has.
const MAX_HOURS: u64 = 99;

/// A fault of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ParseError {
    /// Number of the line, from 1.
    line: usize,
    /// Reason and remedy.
    reason: String,
}

impl ParseError {
    fn new(line: usize, reason: impl Into<String>) -> Self {
        Self { line, reason: reason.into() }
    }
}

/// Decodes a file, which must be UTF-8.
///
/// # Errors
/// [`ParseError`] with the first line that is not.
pub fn decode(bytes: &[u8]) -> Result<&str, ParseError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let valid = &bytes[..error.valid_up_to()];
        let line = 1 + valid.split(|byte| *byte == b'\n').skip(1).count();
        ParseError::new(line, "the text is not UTF-8: save the file in that encoding")
    })
}

/// Parses a `WebVTT` file, which begins with `WEBVTT`, or else a `SubRip` file. Styles, regions and notes of
/// `WebVTT` are left out.
///
/// # Errors
/// [`ParseError`] at the first line that is of neither format.
pub fn cues(text: &str) -> Result<Vec<Cue>, ParseError> {
    let text = text.strip_prefix('\u{FEFF}').unwrap_or(text);
    let is_webvtt = text.starts_with("WEBVTT");
    let (mut cues, mut budget) = (Vec::new(), CueBudget::default());
    for block in blocks(text) {
        let Some(cue) = cue(&block, is_webvtt)? else { continue };
        if !budget.charge(&cue) {
            return Err(ParseError::new(
                block.line,
                "the file has too many cues, or too much text",
            ));
        }
        cues.push(cue);
    }
    if cues.is_empty() {
        return Err(ParseError::new(1, "the file has no cue"));
    }
    Ok(cues)
}

/// Fails if the cues are too many for a stream with these segments, whose durations are in nanoseconds.
///
/// # Errors
/// A sentence with the reason and the remedy.
pub fn check_rendered(cues: &[Cue], durations_ns: &[u64]) -> Result<(), &'static str> {
    let is_less = webvtt::rendered_bytes(cues, durations_ns) <= MAX_RENDERED_BYTES;
    is_less.then_some(()).ok_or(TOO_MUCH)
}

/// Fails if the cues are too many for a stream of this duration.
///
/// # Errors
/// A sentence with the reason and the remedy.
pub fn check_expected(cues: &[Cue], duration: Duration) -> Result<(), &'static str> {
    let stream_ns = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    let is_less = webvtt::expected_bytes(cues, stream_ns) <= MAX_RENDERED_BYTES;
    is_less.then_some(()).ok_or(TOO_MUCH)
}

/// Those of the settings that are known, each once.
fn known_settings(settings: &str) -> String {
    let mut found: Vec<(&str, &str)> = Vec::new();
    for (name, value) in settings.split_whitespace().filter_map(|pair| pair.split_once(':')) {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | ',' | '%' | '-');
        let is_value =
            !value.is_empty() && value.len() <= MAX_SETTING_BYTES && value.chars().all(is_plain);
        let is_new = found.iter().all(|(known, _)| *known != name);
        if SETTINGS.contains(&name) && is_value && is_new {
            found.push((name, value));
        }
    }
    let pairs: Vec<String> = found.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    pairs.join(" ")
}

/// Lines between two empty ones.
struct Block<'a> {
    /// Number of the first line.
    line: usize,
    lines: Vec<&'a str>,
}

/// The blocks of a file. CRLF, CR and LF each end a line.
fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut is_open = false;
    let lines = text.split('\n').flat_map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        line.split('\r')
    });
    for (number, line) in (1..).zip(lines) {
        if line.trim().is_empty() {
            is_open = false;
            continue;
        }
        match found.last_mut().filter(|_| is_open) {
            Some(block) => block.lines.push(line),
            None => found.push(Block { line: number, lines: vec![line] }),
        }
        is_open = true;
    }
    found
}

/// The cue of a block. `None` for one without text, and for a header, note, style or region of `WebVTT`.
fn cue(block: &Block<'_>, is_webvtt: bool) -> Result<Option<Cue>, ParseError> {
    let first = block.lines.first().copied().unwrap_or_default();
    if is_webvtt && block.line == 1 {
        return header(block).map(|()| None);
    }
    let is_other = |name: &str| {
        first
            .strip_prefix(name)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
    };
    let Some(at) = block.lines.iter().take(2).position(|line| line.contains("-->")) else {
        if is_webvtt && ["NOTE", "STYLE", "REGION"].into_iter().any(is_other) {
            return Ok(None);
        }
        let wanted = "expected a line such as `00:00:01.000 --> 00:00:02.500` here";
        let reason = format!("{wanted}, found {:?}", shortened(first));
        return Err(ParseError::new(block.line, reason));
    };
    let (line, times) = (block.line + at, block.lines[at]);
    let Some((start_ms, end_ms, settings)) = span(times) else {
        let reason = format!("{:?} is not `00:00:01.000 --> 00:00:02.500`", shortened(times));
        return Err(ParseError::new(line, reason));
    };
    if end_ms <= start_ms {
        return Err(ParseError::new(line, "the cue ends before it begins"));
    }
    let text = block.lines[at + 1..].join("\n");
    let text = if is_webvtt { markup::of_webvtt(&text) } else { markup::of_markup(&text) };
    // Coordinates of SubRip (`X1:…`) are no settings of WebVTT.
    let settings = if is_webvtt { known_settings(settings) } else { String::new() };
    let cue = Cue {
        start_ns: start_ms * 1_000_000,
        duration_ns: Some((end_ms - start_ms) * 1_000_000),
        settings,
        text,
    };
    Ok(Some(cue).filter(Cue::is_one_cue))
}

/// Verifies the first block of a `WebVTT` file.
fn header(block: &Block<'_>) -> Result<(), ParseError> {
    let first = block.lines.first().copied().unwrap_or_default();
    let rest = first.strip_prefix("WEBVTT").unwrap_or_default();
    if !rest.is_empty() && !rest.starts_with([' ', '\t']) {
        let reason = "the first line must be WEBVTT, alone or with a space behind it";
        return Err(ParseError::new(1, reason));
    }
    for (number, line) in (1..).zip(&block.lines) {
        if line.starts_with("X-TIMESTAMP-MAP") {
            let reason = "this is a segment of an HLS stream: upload the whole file";
            return Err(ParseError::new(number, reason));
        }
        if line.contains("-->") {
            let reason = "an empty line must separate the first cue from the header";
            return Err(ParseError::new(number, reason));
        }
    }
    Ok(())
}

/// Start, end and settings of a cue. Times are in milliseconds.
fn span(line: &str) -> Option<(u64, u64, &str)> {
    let (start, rest) = line.split_once("-->")?;
    let rest = rest.trim();
    let (end, settings) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    Some((milliseconds(start.trim())?, milliseconds(end)?, settings.trim()))
}

/// Parses `01:02:03.456`, with a comma in `SubRip`; the hours are optional.
fn milliseconds(text: &str) -> Option<u64> {
    let number = |digits: &str, len: std::ops::RangeInclusive<usize>| {
        let is_number = len.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        is_number.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let (whole, fraction) = text.split_once(['.', ','])?;
    // Some programs write fewer digits.
    let ms = number(fraction, 1..=3)? * 10_u64.pow(3 - u32::try_from(fraction.len()).ok()?);
    let parts: Vec<&str> = whole.split(':').collect();
    let (hours, minutes, seconds) = match parts[..] {
        [hours, minutes, seconds] => (number(hours, 1..=2)?, minutes, seconds),
        [minutes, seconds] => (0, minutes, seconds),
        _ => return None,
    };
    let (minutes, seconds) = (number(minutes, 1..=2)?, number(seconds, 1..=2)?);
    let is_time = hours <= MAX_HOURS && minutes < 60 && seconds < 60;
    is_time.then_some(((hours * 60 + minutes) * 60 + seconds) * 1000 + ms)
}

/// The begin of a line, for a message.
fn shortened(line: &str) -> String {
    line.chars().take(60).collect()
}

#[cfg(test)]
mod tests;
