//! Pages of other origins: which of them may call the API from a browser.

use axum::http::{HeaderMap, HeaderValue, header};

use crate::config::ManagementSettings;

/// The headers of an answer to a page of an origin that may call; none for everybody else.
pub(super) fn headers(
    settings: &ManagementSettings,
    request: &HeaderMap,
) -> Vec<(header::HeaderName, HeaderValue)> {
    let Some(origin) = allowed_origin(settings, request) else { return Vec::new() };
    vec![
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone()),
        (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true")),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Location")),
    ]
}

/// What is added when the browser asks beforehand.
pub(super) fn preflight_headers(
    settings: &ManagementSettings,
    request: &HeaderMap,
    methods: &HeaderValue,
) -> Vec<(header::HeaderName, HeaderValue)> {
    let mut headers = headers(settings, request);
    if headers.is_empty() {
        return headers;
    }
    headers.push((header::ACCESS_CONTROL_ALLOW_METHODS, methods.clone()));
    headers.push((header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from(settings.cors_max_age_s)));
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.push((header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone()));
    }
    headers
}

/// Whether a browser says that a page of another site makes this request, and that site may not call. Who is
/// logged in there must not be made to change something by a page that they look at.
pub(super) fn is_foreign(settings: &ManagementSettings, request: &HeaderMap) -> bool {
    let site = request.get("sec-fetch-site").map(HeaderValue::as_bytes);
    site == Some(b"cross-site") && allowed_origin(settings, request).is_none()
}

/// Whether a page of an origin makes the request that may call the API.
pub(super) fn is_let_in(settings: &ManagementSettings, request: &HeaderMap) -> bool {
    allowed_origin(settings, request).is_some()
}

fn allowed_origin<'a>(
    settings: &ManagementSettings,
    request: &'a HeaderMap,
) -> Option<&'a HeaderValue> {
    let origin = request.get(header::ORIGIN)?;
    let allowed = |wanted: &String| wanted == "*" || wanted.as_bytes() == origin.as_bytes();
    settings.cors_origins.iter().any(allowed).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(origin: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, HeaderValue::from_static(origin));
        headers.insert("sec-fetch-site", HeaderValue::from_static("cross-site"));
        headers
    }

    fn allowing(origins: &[&str]) -> ManagementSettings {
        let cors_origins = origins.iter().map(|&origin| origin.to_owned()).collect();
        ManagementSettings { cors_origins, ..ManagementSettings::default() }
    }

    #[test]
    fn only_configured_origins_are_let_in() {
        let request = from("https://one.example");
        assert!(headers(&allowing(&[]), &request).is_empty());
        assert!(headers(&allowing(&["https://two.example"]), &request).is_empty());
        assert!(is_foreign(&allowing(&[]), &request));
        for origins in [["https://one.example"], ["*"]] {
            let given = headers(&allowing(&origins), &request);
            assert_eq!(given[0].1, "https://one.example");
            assert!(!is_foreign(&allowing(&origins), &request));
            let methods = HeaderValue::from_static("GET");
            assert_eq!(preflight_headers(&allowing(&origins), &request, &methods).len(), 5);
        }
        assert!(headers(&allowing(&["*"]), &HeaderMap::new()).is_empty());
        assert!(!is_foreign(&allowing(&[]), &HeaderMap::new()), "no browser");
    }
}
