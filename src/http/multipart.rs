//! Forms with files in them (`multipart/form-data`, RFC 7578), as browsers and curl send them. Pure: the whole body
//! is there before it is looked at.

/// A part of a form.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part<'a> {
    /// The field.
    pub(super) name: String,
    /// What was put into it.
    pub(super) content: &'a [u8],
}

/// Why a body is no form.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(super) enum MultipartError {
    /// RFC 2046: 1 to 70 characters.
    #[error("the content-type of a form must have a boundary of 1 to 70 characters")]
    Boundary,
    /// The last boundary ends with two dashes; without it the body was cut off.
    #[error("the form is cut off: its last boundary is missing")]
    CutOff,
    /// Parts begin with headers, an empty line, and have a name.
    #[error("a part of the form has no name: content-disposition: form-data; name=… is expected")]
    NoName,
}

/// The boundary of a media type `multipart/form-data; boundary=…`; `None` for any other media type.
pub(super) fn boundary(media_type: &str) -> Option<Result<&str, MultipartError>> {
    let (kind, parameters) = media_type.split_once(';').unwrap_or((media_type, ""));
    if !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let found = parameter(parameters, "boundary");
    Some(found.filter(|text| (1..=70).contains(&text.len())).ok_or(MultipartError::Boundary))
}

/// The parts of a form, in their order.
///
/// # Errors
/// [`MultipartError`].
pub(super) fn parts<'a>(body: &'a [u8], boundary: &str) -> Result<Vec<Part<'a>>, MultipartError> {
    let delimiter = format!("--{boundary}");
    let mut lines = Lines { body, at: 0 };
    // What comes before the first boundary means nothing.
    loop {
        match lines.next().map(|(_, line)| Line::of(line, &delimiter)) {
            None => return Err(MultipartError::CutOff),
            Some(Line::Last) => return Ok(Vec::new()),
            Some(Line::Boundary) => break,
            Some(Line::Other) => {}
        }
    }
    let mut parts = Vec::new();
    loop {
        let name = headers(&mut lines)?;
        let start = lines.at;
        let (end, is_last) = loop {
            let (at, line) = lines.next().ok_or(MultipartError::CutOff)?;
            match Line::of(line, &delimiter) {
                Line::Boundary => break (at, false),
                Line::Last => break (at, true),
                Line::Other => {}
            }
        };
        // The line break before a boundary belongs to it.
        let content = body.get(start..end).unwrap_or_default();
        let content = content.strip_suffix(b"\n").unwrap_or(content);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        parts.push(Part { name, content });
        if is_last {
            return Ok(parts);
        }
    }
}

/// The name that the headers of a part give it.
fn headers(lines: &mut Lines<'_>) -> Result<String, MultipartError> {
    let mut name = None;
    loop {
        let (_, line) = lines.next().ok_or(MultipartError::CutOff)?;
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return name.ok_or(MultipartError::NoName);
        }
        let line = String::from_utf8_lossy(line);
        let Some((header, value)) = line.split_once(':') else { continue };
        if header.trim().eq_ignore_ascii_case("content-disposition") {
            let parameters = value.split_once(';').map_or("", |(_, parameters)| parameters);
            name = parameter(parameters, "name").map(str::to_owned);
        }
    }
}

/// The value of `name=value` or `name="value"` among others.
fn parameter<'a>(parameters: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = parameters;
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim_start_matches([';', ' ', '\t']).trim();
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(';').unwrap_or((after, "")),
        };
        if key.eq_ignore_ascii_case(name) {
            return Some(value.trim());
        }
        rest = after;
    }
}

/// What a line is to a form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Boundary,
    Last,
    Other,
}

impl Line {
    fn of(line: &[u8], delimiter: &str) -> Self {
        match line.trim_ascii_end().strip_prefix(delimiter.as_bytes()) {
            Some(b"") => Self::Boundary,
            Some(b"--") => Self::Last,
            _ => Self::Other,
        }
    }
}

/// The lines of a body with the places where they begin.
struct Lines<'a> {
    body: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<(usize, &'a [u8])> {
        let rest = self.body.get(self.at..).filter(|rest| !rest.is_empty())?;
        let len = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let start = self.at;
        self.at += len;
        Some((start, &rest[..len]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_fields_are_read_as_they_were_sent() {
        let body = b"before\r\n--x y\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a; name=b.json\"\r\n\
            Content-Type: application/json\r\n\r\n{\"a\":\r\n--x\r\n1}\r\n--x y\r\n\
            content-disposition: form-data; name=redirect\r\n\r\n\r\n--x y--\r\nafter";
        let parts = parts(body, "x y").expect("a form");
        let found: Vec<_> = parts.iter().map(|part| (part.name.as_str(), part.content)).collect();
        assert_eq!(found, [("file", &b"{\"a\":\r\n--x\r\n1}"[..]), ("redirect", b"")]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        assert_eq!(boundary("application/json"), None);
        assert_eq!(boundary("multipart/form-data"), Some(Err(MultipartError::Boundary)));
        let long = format!("multipart/form-data; boundary={}", "b".repeat(71));
        assert_eq!(boundary(&long), Some(Err(MultipartError::Boundary)));
        let quoted = boundary("Multipart/Form-Data; charset=utf-8; boundary=\"a b\"");
        assert_eq!(quoted, Some(Ok("a b")));
        for body in ["", "--", "--b", "--b\r\n", "--b\r\nx: y\r\n\r\n", "--b\r\n\r\n", "text\r\n"] {
            assert!(parts(body.as_bytes(), "b").is_err(), "{body:?}");
        }
        let unnamed = b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--";
        assert_eq!(parts(unnamed, "b"), Err(MultipartError::NoName));
        assert_eq!(parts(b"--b--", "b"), Ok(Vec::new()));
    }
}
