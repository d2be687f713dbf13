//! What users may do in virtual hosts.

use serde_json::{Value, json};

use super::answer::{Answer, Stored};
use super::call::Call;
use super::error::ApiError;
use super::fields;
use super::route::Run::{Now, Plain};
use super::route::{Needs, Route};
use crate::base::{UserName, VhostName};
use crate::broker::AccountError;
use crate::store::Permission;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/permissions", Needs::Administrator, "All permissions", Plain(list)),
    Route::get(
        "/permissions/{vhost}/{user}",
        Needs::Administrator,
        "What a user may do in a virtual host",
        Now(one),
    ),
    Route::put(
        "/permissions/{vhost}/{user}",
        Needs::Administrator,
        "Set what a user may do in a virtual host",
        Now(put),
    ),
    Route::delete(
        "/permissions/{vhost}/{user}",
        Needs::Administrator,
        "Let a user into a virtual host no more",
        Now(delete),
    ),
    Route::get(
        "/vhosts/{vhost}/permissions",
        Needs::Administrator,
        "Permissions in a virtual host",
        Now(of_vhost),
    ),
    Route::get(
        "/users/{user}/permissions",
        Needs::Administrator,
        "Permissions of a user",
        Now(of_user),
    ),
];

fn describe(permission: &Permission) -> Value {
    json!({
        "user": permission.user.as_str(),
        "vhost": permission.vhost.as_str(),
        "configure": permission.configure,
        "write": permission.write,
        "read": permission.read,
    })
}

fn those(call: &Call, wanted: impl Fn(&Permission) -> bool) -> Answer {
    Answer::list(call.broker().accounts(|accounts| {
        let all = accounts.records().permissions.values();
        all.filter(|permission| wanted(permission)).map(describe).collect()
    }))
}

fn list(call: &Call) -> Answer {
    those(call, |_| true)
}

fn of_vhost(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.vhost()?;
    Ok(those(call, |permission| permission.vhost == *vhost.name()))
}

fn of_user(call: &Call) -> Result<Answer, ApiError> {
    let user = existing_user(call)?;
    Ok(those(call, |permission| permission.user == user))
}

/// The user of the path.
///
/// # Errors
/// 404.
pub(super) fn existing_user(call: &Call) -> Result<UserName, ApiError> {
    let name: UserName = call.name("user")?;
    let is_there = call.broker().accounts(|accounts| accounts.records().user(&name).is_some());
    if is_there { Ok(name) } else { Err(ApiError::not_found()) }
}

/// The virtual host and the user of the path.
fn place(call: &Call) -> Result<(VhostName, UserName), ApiError> {
    Ok((call.vhost()?.name().clone(), existing_user(call)?))
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let (vhost, user) = place(call)?;
    let found = call
        .broker()
        .accounts(|accounts| accounts.records().permission(&user, &vhost).map(describe));
    found.map(Answer::object).ok_or_else(ApiError::not_found)
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    let vhost = call.vhost()?.name().clone();
    let body = call.object()?;
    let permission = Permission {
        user: call.name("user")?,
        vhost,
        configure: fields::required_text(&body, "configure")?,
        write: fields::required_text(&body, "write")?,
        read: fields::required_text(&body, "read")?,
    };
    let (done, stored) = Stored::pair();
    let put = call
        .broker()
        .put_permission(&call.actor(), permission, done)
        .map_err(unknown_user_is_bad)?;
    Ok(Answer::put(put).once(stored))
}

/// The path names what is put; that there is no such user is a mistake of the request, as for RabbitMQ.
pub(super) fn unknown_user_is_bad(error: AccountError) -> ApiError {
    match error {
        AccountError::NoSuchUser(_) => ApiError::bad_request(error.to_string()),
        error => error.into(),
    }
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    let (vhost, user) = place(call)?;
    let (done, stored) = Stored::pair();
    if call.broker().delete_permission(&call.actor(), &user, &vhost, done)? {
        Ok(Answer::no_content().once(stored))
    } else {
        Err(ApiError::not_found())
    }
}
