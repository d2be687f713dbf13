//! Whoever may use the test API and asks a broker for it that has it switched off is told how to switch it on.

use axum::http::StatusCode;

use crate::config::ManagementSettings;
use crate::http::error::ApiError;

/// What every path of the test API begins with, below `/api`.
const ROOT: &str = "/haremq/test";

/// Lets a resource through, unless it is one of the test API and that is off.
///
/// # Errors
/// 404, with how to switch it on.
pub(in crate::http) fn refuse_when_off(
    settings: &ManagementSettings,
    path: &str,
) -> Result<(), ApiError> {
    if settings.test_api || !is_of_test_api(path) { Ok(()) } else { Err(off()) }
}

/// The refusal of a whole path that leads to no resource.
pub(in crate::http) fn refusal_when_off(settings: &ManagementSettings, path: &str) -> ApiError {
    let below_api = path.strip_prefix(&*settings.path_prefix).unwrap_or(path);
    let below_api = below_api.strip_prefix("/api").unwrap_or_default();
    refuse_when_off(settings, below_api).err().unwrap_or_else(ApiError::not_found)
}

fn is_of_test_api(path: &str) -> bool {
    path.strip_prefix(ROOT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn off() -> ApiError {
    let reason = "the test API is off: start the broker with --test-api, haremq.test_api = true or HAREMQ_TEST_API=true";
    ApiError::new(StatusCode::NOT_FOUND, "not_found", reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_the_test_api_are_shut_while_it_is_off() {
        let off = ManagementSettings { path_prefix: "/rabbit".into(), ..Default::default() };
        for path in ["/haremq/test", "/haremq/test/faults", "/haremq/test/faults/{id}"] {
            let refused = refuse_when_off(&off, path).expect_err(path);
            assert_eq!(refused.status, StatusCode::NOT_FOUND);
            let whole = refusal_when_off(&off, &format!("/rabbit/api{path}"));
            assert_eq!(whole, refused, "{path}");
        }
        for path in ["/haremq/tested", "/haremq/log", "/test", ""] {
            assert_eq!(refuse_when_off(&off, path), Ok(()), "{path}");
            assert_eq!(refusal_when_off(&off, &format!("/api{path}")), ApiError::not_found());
        }
        let on = ManagementSettings { test_api: true, ..off };
        assert_eq!(refuse_when_off(&on, "/haremq/test/faults"), Ok(()));
        let unknown = refusal_when_off(&on, "/rabbit/api/haremq/test/none");
        assert_eq!(unknown, ApiError::not_found());
    }
}
