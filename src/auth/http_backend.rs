//! Users and permissions of an HTTP service (rabbitmq: rabbitmq-auth-backend-http).
//!
//! Four addresses are asked, with what RabbitMQ asks with; the service answers `allow` (with the tags of a user behind
//! it) or `deny` (with a reason). Whatever else happens is a no: the service is down or slow, answers another status or
//! something else. Each is logged with its cause, never with the question, which may hold a password.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::access::{
    Answer, Backend, BackendError, Grant, Judge, Known, Login, Question, Suspect, Verdict,
};
use crate::base::UserName;
use crate::base::limits::ASKED_ANSWER_MS;
use crate::fetch::{Fetch, FetchSettings};

/// How the service is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HttpMethod {
    /// With everything in the address.
    #[default]
    Get,
    /// With a form.
    Post,
}

/// Where the service is.
#[derive(Clone, Debug)]
pub struct HttpBackendSettings {
    /// How it is asked.
    pub method: HttpMethod,
    /// Who is this?
    pub user_path: String,
    /// May they enter the virtual host?
    pub vhost_path: String,
    /// May they do this to a queue or an exchange?
    pub resource_path: String,
    /// May they use this routing key?
    pub topic_path: String,
    /// How long it may take, and who is trusted.
    pub fetch: FetchSettings,
}

/// See the module.
#[derive(Clone)]
pub struct HttpBackend(Arc<Service>);

struct Service {
    settings: HttpBackendSettings,
    fetch: Fetch,
}

/// What the service says.
#[derive(Debug, PartialEq, Eq)]
enum Word {
    Allow(Vec<String>),
    Deny(String),
}

impl HttpBackend {
    /// Ready to ask.
    #[must_use]
    pub fn new(settings: HttpBackendSettings) -> Self {
        let fetch = Fetch::new(settings.fetch.clone());
        Self(Arc::new(Service { settings, fetch }))
    }

    async fn find(&self, login: &Login) -> Result<Known, BackendError> {
        let user = std::str::from_utf8(&login.user).ok();
        let name = user.and_then(|user| UserName::try_from(user).ok());
        let name = name.ok_or_else(|| BackendError::Refused("the name is no user's".to_owned()))?;
        let mut form = Form::new();
        form.put("username", name.as_str().as_bytes());
        if let Some(password) = &login.password {
            form.put("password", password);
        }
        match self.0.ask(&self.0.settings.user_path, form).await {
            Ok(Word::Allow(tags)) => {
                Ok(Known { name, tags, grant: Grant::Judge(Arc::new(self.clone())) })
            }
            Ok(Word::Deny(reason)) => Err(BackendError::Refused(denied(&reason))),
            Err(cause) => Err(BackendError::Failed(cause)),
        }
    }

    async fn decide(&self, suspect: &Suspect, question: &Question) -> Verdict {
        let (path, form) = self.0.question(suspect, question);
        let (is_allowed, is_sure) = match self.0.ask(path, form).await {
            Ok(Word::Allow(_)) => (true, true),
            Ok(Word::Deny(reason)) => {
                tracing::info!(user = %suspect.user, question = ?question, reason, "the HTTP service denied it");
                (false, true)
            }
            Err(cause) => {
                tracing::error!(user = %suspect.user, question = ?question, error = cause, "the HTTP service did not say whether it is allowed; it is refused");
                (false, false)
            }
        };
        Verdict { is_allowed, is_sure, good_for_ms: if is_allowed { ASKED_ANSWER_MS } else { 0 } }
    }
}

impl Backend for HttpBackend {
    fn name(&self) -> &'static str {
        "http"
    }

    fn log_in<'a>(&'a self, login: &'a Login) -> Answer<'a, Result<Known, BackendError>> {
        Box::pin(self.find(login))
    }
}

impl Judge for HttpBackend {
    fn judge<'a>(&'a self, suspect: &'a Suspect, question: &'a Question) -> Answer<'a, Verdict> {
        Box::pin(self.decide(suspect, question))
    }
}

impl Service {
    /// The address of a question, and what it is asked with.
    fn question(&self, suspect: &Suspect, question: &Question) -> (&str, Form) {
        let Suspect { user, tags, peer } = suspect;
        let mut form = Form::new();
        form.put("username", user.as_str().as_bytes());
        let path = match question {
            Question::Vhost(vhost) => {
                form.put("vhost", vhost.as_str().as_bytes());
                form.put("ip", peer.to_string().as_bytes());
                &self.settings.vhost_path
            }
            Question::Resource { vhost, kind, name, action } => {
                form.put("vhost", vhost.as_str().as_bytes());
                form.put("resource", kind.as_str().as_bytes());
                form.put("name", name.as_bytes());
                form.put("permission", action.to_string().as_bytes());
                &self.settings.resource_path
            }
            Question::Topic { vhost, exchange, action, .. } => {
                form.put("vhost", vhost.as_str().as_bytes());
                form.put("resource", b"topic");
                form.put("name", exchange.as_bytes());
                form.put("permission", action.to_string().as_bytes());
                &self.settings.topic_path
            }
        };
        form.put("tags", tags.join(" ").as_bytes());
        if let Question::Topic { vhost, routing_key, .. } = question {
            form.put("routing_key", routing_key);
            form.put("variable_map.username", user.as_str().as_bytes());
            form.put("variable_map.vhost", vhost.as_str().as_bytes());
        }
        (path, form)
    }

    /// The word of the service, or why there is none.
    async fn ask(&self, path: &str, form: Form) -> Result<Word, String> {
        let answered = match self.settings.method {
            HttpMethod::Get => {
                let separator = if path.contains('?') { '&' } else { '?' };
                self.fetch.fetch(&format!("{path}{separator}{}", form.0), None).await
            }
            HttpMethod::Post => self.fetch.fetch(path, Some(form.0)).await,
        };
        let (status, body) = answered.map_err(|error| error.to_string())?;
        if !matches!(status, 200 | 201) {
            return Err(format!("the service answered with status {status}, and 200 is expected"));
        }
        let text = std::str::from_utf8(&body).ok();
        text.and_then(|text| read(text.trim()))
            .ok_or_else(|| "the service answered something else than allow or deny".to_owned())
    }
}

fn denied(reason: &str) -> String {
    match reason {
        "" => "Denied by the backing HTTP service".to_owned(),
        reason => format!("Denied by the backing HTTP service: {reason}"),
    }
}

/// What an answer says.
fn read(text: &str) -> Option<Word> {
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    if word.eq_ignore_ascii_case("allow") {
        // RabbitMQ takes all of the answer for lower case.
        let tags = rest.split_whitespace().map(str::to_lowercase).collect();
        return Some(Word::Allow(tags));
    }
    // A reason goes to the log: one line, and not a long one.
    let reason = || rest.chars().map(|c| if c.is_control() { ' ' } else { c }).take(255).collect();
    word.eq_ignore_ascii_case("deny").then(|| Word::Deny(reason()))
}

/// `application/x-www-form-urlencoded`.
struct Form(String);

impl Form {
    fn new() -> Self {
        Self(String::new())
    }

    fn put(&mut self, name: &str, value: &[u8]) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        for byte in value {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                    self.0.push(char::from(*byte));
                }
                b' ' => self.0.push('+'),
                // Writing to a string cannot fail.
                other => _ = write!(self.0, "%{other:02X}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_allow_and_deny_are_answers() {
        let allow = |tags: &[&str]| Some(Word::Allow(tags.iter().map(|&t| t.to_owned()).collect()));
        assert_eq!(read("allow"), allow(&[]));
        assert_eq!(
            read("ALLOW  Administrator management"),
            allow(&["administrator", "management"])
        );
        assert_eq!(read("deny"), Some(Word::Deny(String::new())));
        assert_eq!(read("Deny no\x1bthing"), Some(Word::Deny("no thing".to_owned())));
        for text in ["", "allowed", "denyallow", "yes", "{\"result\":\"allow\"}", "not allow"] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn values_are_encoded_so_that_they_cannot_add_a_field() {
        let mut form = Form::new();
        form.put("username", b"a&tags=administrator");
        form.put("password", "p w+ü".as_bytes());
        assert_eq!(form.0, "username=a%26tags%3Dadministrator&password=p+w%2B%C3%BC");
    }
}
