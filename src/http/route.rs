//! One entry of the table of resources.

use std::pin::Pin;

use axum::routing::MethodFilter;

use super::answer::Answer;
use super::call::Call;
use super::error::ApiError;

/// A method of a resource.
#[derive(Clone, Copy, Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// Below `/api`, with `{name}` for what changes.
    pub(super) path: &'static str,
    pub(super) needs: Needs,
    /// One line for people, in the OpenAPI document.
    pub(super) summary: &'static str,
    pub(super) run: Run,
}

/// The methods that resources have; HEAD comes with GET, OPTIONS with any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Method {
    Get,
    Put,
    Post,
    Delete,
}

/// Who may call. What a caller may see of a virtual host is asked by the resource.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Needs {
    /// Anybody, without a login.
    Nothing,
    /// Any user with a login.
    Login,
    /// A user with any of the four tags.
    Management,
    /// The tag `policymaker` or `administrator`.
    Policymaker,
    /// The tag `monitoring` or `administrator`.
    Monitoring,
    /// The tag `administrator`.
    Administrator,
}

/// What is done.
#[derive(Clone, Copy)]
pub(super) enum Run {
    /// Answered in place, whatever is asked.
    Plain(fn(&Call) -> Answer),
    /// Answered or refused in place: nothing here waits. An answer may say what is to be stored first.
    Now(fn(&Call) -> Result<Answer, ApiError>),
    /// Answered when something else has happened.
    Later(fn(Call) -> Answering),
}

/// An answer to come.
pub(super) type Answering = Pin<Box<dyn Future<Output = Result<Answer, ApiError>> + Send>>;

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plain(_) => "Plain",
            Self::Now(_) => "Now",
            Self::Later(_) => "Later",
        })
    }
}

impl Route {
    /// A resource that is read.
    pub(super) const fn get(
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        run: Run,
    ) -> Self {
        Self { method: Method::Get, path, needs, summary, run }
    }

    /// A resource that is put.
    pub(super) const fn put(
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        run: Run,
    ) -> Self {
        Self { method: Method::Put, path, needs, summary, run }
    }

    /// A resource that something is done with.
    pub(super) const fn post(
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        run: Run,
    ) -> Self {
        Self { method: Method::Post, path, needs, summary, run }
    }

    /// A resource that is deleted.
    pub(super) const fn delete(
        path: &'static str,
        needs: Needs,
        summary: &'static str,
        run: Run,
    ) -> Self {
        Self { method: Method::Delete, path, needs, summary, run }
    }
}

impl Method {
    /// As it stands in a request.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Delete => "DELETE",
        }
    }

    /// For the router; HEAD is GET without the body.
    pub(super) fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Put => MethodFilter::PUT,
            Self::Post => MethodFilter::POST,
            Self::Delete => MethodFilter::DELETE,
        }
    }

    /// Whether a request has a body that means something.
    pub(super) fn has_body(self) -> bool {
        matches!(self, Self::Put | Self::Post)
    }
}
