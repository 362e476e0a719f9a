//! Conversion of subtitle markup to the cue text of `WebVTT`. Bold, italic and underlined text stays,
//! all other markup is dropped.

/// Longest cue in characters, four times a screen full of text. The rest is cut off.
const MAX_CHARS: usize = 2_000;
/// Tags that `WebVTT` shares with the source formats.
const KEPT_TAGS: [char; 3] = ['b', 'i', 'u'];

/// Converts text without markup (`mov_text`).
#[must_use]
pub fn of_plain(text: &str) -> String {
    let mut cue = CueText::default();
    text.chars().for_each(|c| cue.put(c));
    cue.finish()
}

/// Converts text with tags and entities: Pango markup, and the tags that `SubRip` files hold by
/// convention. Anything that is not a well-formed tag or entity is text.
#[must_use]
pub fn of_markup(text: &str) -> String {
    let mut cue = CueText::default();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let special = match c {
            '<' => tag(rest, &mut cue),
            '&' => entity(rest, &mut cue),
            _ => None,
        };
        rest = special.unwrap_or_else(|| {
            cue.put(c);
            &rest[c.len_utf8()..]
        });
    }
    cue.finish()
}

/// Parses the tag that `text` begins with. Returns the rest, or `None` if there is no tag.
fn tag<'a>(text: &'a str, cue: &mut CueText) -> Option<&'a str> {
    let (inner, rest) = text.strip_prefix('<')?.split_once('>')?;
    let (closes, name) = inner.strip_prefix('/').map_or((false, inner), |name| (true, name));
    if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return None;
    }
    let name = name.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
    match (KEPT_TAGS.into_iter().find(|kept| name.eq_ignore_ascii_case(&kept.to_string())), closes)
    {
        (Some(kept), false) => cue.open(kept),
        (Some(kept), true) => cue.close(kept),
        (None, _) if name.eq_ignore_ascii_case("br") => cue.put('\n'),
        (None, _) => {}
    }
    Some(rest)
}

/// Parses the entity that `text` begins with. Returns the rest, or `None` if there is no entity.
fn entity<'a>(text: &'a str, cue: &mut CueText) -> Option<&'a str> {
    const MAX_NAME_BYTES: usize = 10;
    let (name, rest) = text.strip_prefix('&')?.split_once(';')?;
    let numbered = |digits: &str| match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    };
    let c = match name {
        _ if name.len() > MAX_NAME_BYTES => return None,
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => '\u{A0}',
        "lrm" => '\u{200E}',
        "rlm" => '\u{200F}',
        _ => name.strip_prefix('#').and_then(numbered).and_then(char::from_u32)?,
    };
    cue.put(c);
    Some(rest)
}

/// Converts a line of SSA or ASS as Matroska stores it: eight fields, then the text, which may hold
/// commas.
#[must_use]
pub fn of_ass(line: &str) -> String {
    const FIELDS: usize = 8;
    let mut cue = CueText::default();
    let mut rest = line.splitn(FIELDS + 1, ',').nth(FIELDS).unwrap_or_default();
    // Vector drawings stand between `\p1` and `\p0`.
    let mut is_drawing = false;
    while let Some(c) = rest.chars().next() {
        let next = rest[c.len_utf8()..].chars().next();
        let (written, len) = match (c, next) {
            ('{', _) if rest.contains('}') => {
                let end = rest.find('}').unwrap_or_default();
                override_tags(&rest[1..end], &mut cue, &mut is_drawing);
                (None, end + 1)
            }
            ('\\', Some('N')) => (Some('\n'), 2),
            ('\\', Some('n')) => (Some(' '), 2),
            ('\\', Some('h')) => (Some('\u{A0}'), 2),
            _ => (Some(c), c.len_utf8()),
        };
        if let Some(c) = written.filter(|_| !is_drawing) {
            cue.put(c);
        }
        rest = &rest[len..];
    }
    cue.finish()
}

/// Applies the override tags between two braces, such as `\i1\pos(10,20)`.
fn override_tags(tags: &str, cue: &mut CueText, is_drawing: &mut bool) {
    for tag in tags.split('\\').skip(1).map(str::trim) {
        let name_len = tag.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tag.len());
        let (name, value) = tag.split_at(name_len);
        let is_on = !matches!(value, "" | "0");
        match name {
            "b" | "i" | "u" => {
                let kept = name.chars().next().unwrap_or_default();
                if is_on { cue.open(kept) } else { cue.close(kept) }
            }
            "p" => *is_drawing = is_on,
            // `\r` resets the style; the name of a style may follow.
            _ if name.starts_with('r') => cue.close_all(),
            _ => {}
        }
    }
}

/// Converts the text of a `WebVTT` cue: removes only what would end the cue.
#[must_use]
pub fn of_webvtt(text: &str) -> String {
    let text: String = text.chars().take(MAX_CHARS).filter(|c| *c != '\0').collect();
    // CRLF, CR and LF each end a line.
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n").replace("-->", "--&gt;")
}

/// Converts a `D_WEBVTT` block of Matroska: one line with the id, one with the settings, then the
/// text.
#[must_use]
pub fn of_webvtt_block(block: &str) -> String {
    of_webvtt(block.splitn(3, '\n').nth(2).unwrap_or_default())
}

/// Cue text under construction: escapes characters, balances tags, drops empty lines.
#[derive(Default)]
struct CueText {
    text: String,
    /// Tags that are open, the outermost first.
    open: Vec<char>,
    /// Characters so far, without tags and escapes.
    chars: usize,
    /// The current line has a visible character.
    is_line_visible: bool,
    /// The cue has a visible character.
    is_visible: bool,
}

impl CueText {
    fn put(&mut self, c: char) {
        if self.chars == MAX_CHARS {
            return;
        }
        self.chars += 1;
        match c {
            // An empty line would end the cue.
            '\n' if self.is_line_visible => {
                self.text.push('\n');
                self.is_line_visible = false;
            }
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            _ if c.is_control() => {}
            _ => self.text.push(c),
        }
        if !c.is_control() && !c.is_whitespace() {
            (self.is_line_visible, self.is_visible) = (true, true);
        }
    }

    fn open(&mut self, tag: char) {
        if !self.open.contains(&tag) {
            self.open.push(tag);
            self.text.extend(['<', tag, '>']);
        }
    }

    /// Closes a tag. Tags that were opened after it are closed first and opened again.
    fn close(&mut self, tag: char) {
        let Some(at) = self.open.iter().position(|open| *open == tag) else { return };
        let inner = self.open.split_off(at);
        inner.iter().rev().for_each(|tag| self.text.extend(['<', '/', *tag, '>']));
        inner.into_iter().skip(1).for_each(|tag| self.open(tag));
    }

    fn close_all(&mut self) {
        let open = std::mem::take(&mut self.open);
        open.iter().rev().for_each(|tag| self.text.extend(['<', '/', *tag, '>']));
    }

    /// The finished text; empty if no character is visible.
    fn finish(mut self) -> String {
        self.close_all();
        if self.is_visible { self.text.trim().to_owned() } else { String::new() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn markup_becomes_cue_text() {
        let table = [
            ("This is the first subtitle.", "This is the first subtitle."),
            ("<i>one</i> &amp; <B>two</B>", "<i>one</i> &amp; <b>two</b>"),
            ("<font color=\"#ff0000\">red</font>", "red"),
            ("<span foreground='red'><u>u</u></span>", "<u>u</u>"),
            ("a<br/>b<br>c", "a\nb\nc"),
            ("1 < 2 > 0 & I <3 you", "1 &lt; 2 &gt; 0 &amp; I &lt;3 you"),
            ("&quot;q&apos; &#65;&#x42; &nothing; &", "\"q' AB &amp;nothing; &amp;"),
            ("one\r\n\r\n\r\ntwo\n", "one\ntwo"),
            ("x --> y", "x --&gt; y"),
            ("<i>never closed", "<i>never closed</i>"),
            ("<i><b>wrong</i> order</b>", "<i><b>wrong</b></i><b> order</b>"),
            ("</i>never opened", "never opened"),
            ("<i> </i>\n", ""),
            ("a\u{0}b\u{1b}c", "abc"),
            ("", ""),
        ];
        for (source, expected) in table {
            assert_eq!(of_markup(source), expected, "{source:?}");
        }
    }

    #[test]
    fn plain_text_has_no_markup() {
        assert_eq!(of_plain("<i>1</i> & 2\n\n3"), "&lt;i&gt;1&lt;/i&gt; &amp; 2\n3");
    }

    #[test]
    fn a_line_of_ass_becomes_cue_text() {
        let table = [
            ("This, with commas, is it.", "This, with commas, is it."),
            (r"{\an8}{\i1}one{\i0} two\Nthree\nfour", "<i>one</i> two\nthree four"),
            (r"{\b700\i1\c&HFFFFFF&}x{\r}y", "<b><i>x</i></b>y"),
            (r"{\p1}m 0 0 l 100 0{\p0}text", "text"),
            (r"{\pos(10,20)\blur2\bord1\iclip(1)}x", "x"),
            ("{never closed", "{never closed"),
            (r"a\h<b", "a\u{A0}&lt;b"),
        ];
        for (source, expected) in table {
            assert_eq!(of_ass(&format!("7,0,Default,,0,0,0,,{source}")), expected, "{source:?}");
        }
        assert_eq!(of_ass("too,few,fields"), "");
    }

    #[test]
    fn webvtt_keeps_its_markup() {
        assert_eq!(
            of_webvtt("<v Ann>Hi &amp; bye\r\n\r\nx --> y"),
            "<v Ann>Hi &amp; bye\nx --&gt; y"
        );
        assert_eq!(of_webvtt_block("\n\noop"), "oop");
        assert_eq!(of_webvtt_block("id\nalign:start\n<i>a</i>\nb"), "<i>a</i>\nb");
        assert_eq!(of_webvtt_block("nothing"), "");
    }

    proptest! {
        #[test]
        fn no_text_ends_its_cue(text in "(<[/]?[a-z]{1,2}>|[{}\\\\a-z&;#0-9]|\r|\n|-->|,| ){0,60}") {
            let ass = format!("0,0,,,,,,,{text}");
            for cue in [of_markup(&text), of_plain(&text), of_ass(&ass), of_webvtt(&text)] {
                prop_assert!(!cue.contains("\n\n") && !cue.contains("-->") && !cue.contains('\r'), "{cue:?}");
                prop_assert!(!cue.starts_with('\n') && !cue.ends_with('\n'), "{cue:?}");
            }
        }

        #[test]
        fn tags_are_nested(text in "(<[/]?[biu]>|x|\n){0,30}") {
            let (mut open, cue) = (Vec::new(), of_markup(&text));
            for part in cue.split('<').skip(1) {
                match part.strip_prefix('/') {
                    Some(name) => prop_assert_eq!(open.pop(), name.chars().next()),
                    None => open.extend(part.chars().next()),
                }
            }
            prop_assert!(open.is_empty(), "{cue:?}");
        }
    }
}
