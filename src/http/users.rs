//! Users.

use axum::http::{HeaderValue, header};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Stored};
use super::call::{Call, parse_name};
use super::error::ApiError;
use super::route::Run::{Later, Now, Plain};
use super::route::{Answering, Needs, Route};
use super::{fields, limits};
use crate::access::{HashAlgorithm, PasswordHash};
use crate::base::UserName;
use crate::broker::{AccountError, Accounts};
use crate::store;

pub(super) const ROUTES: &[Route] = &[
    Route::get("/users", Needs::Administrator, "Users", Plain(list)),
    Route::get(
        "/users/without-permissions",
        Needs::Administrator,
        "Users without permissions in any virtual host",
        Plain(without_permissions),
    ),
    Route::post("/users/bulk-delete", Needs::Administrator, "Delete users", Later(delete_many)),
    Route::get("/users/{user}", Needs::Administrator, "A user", Now(one)),
    Route::put("/users/{user}", Needs::Administrator, "Create or change a user", Now(put)),
    Route::delete(
        "/users/{user}",
        Needs::Administrator,
        "Delete a user, its permissions and its connections",
        Now(delete),
    ),
    Route::get(
        "/auth/hash_password/{password}",
        Needs::Administrator,
        "The hash of a password under a fresh salt",
        Now(hash_password),
    ),
];

fn list(call: &Call) -> Answer {
    those(call, |_, _| true)
}

fn without_permissions(call: &Call) -> Answer {
    those(call, |accounts, user| {
        let mut permissions = accounts.records().permissions.values();
        !permissions.any(|permission| permission.user == user.name)
    })
}

fn those(call: &Call, wanted: impl Fn(&Accounts, &store::User) -> bool) -> Answer {
    let users: Vec<store::User> = call.broker().accounts(|accounts| {
        let users = accounts.records().users.values();
        users.filter(|user| wanted(accounts, user)).cloned().collect()
    });
    Answer::list(users.iter().map(|user| describe(call, user)).collect())
}

fn one(call: &Call) -> Result<Answer, ApiError> {
    let name: UserName = call.name("user")?;
    let found = call.broker().accounts(|accounts| accounts.records().user(&name).cloned());
    let found = found.ok_or_else(ApiError::not_found)?;
    Ok(Answer::object(describe(call, &found)))
}

fn describe(call: &Call, user: &store::User) -> Value {
    json!({
        "name": user.name.as_str(),
        "password_hash": user.password_hash.as_deref().unwrap_or_default(),
        "hashing_algorithm": user.hashing_algorithm,
        "tags": user.tags,
        "limits": limits::shown_of_user(call, &user.name).unwrap_or_else(|| json!({})),
    })
}

fn put(call: &Call) -> Result<Answer, ApiError> {
    let name: UserName = call.name("user")?;
    if name.is_empty() {
        return Err(ApiError::bad_request("the name of a user cannot be empty"));
    }
    let record = read(name, &call.object()?)?;
    let (done, stored) = Stored::pair();
    let put = call.broker().put_user(&call.actor(), record, done)?;
    Ok(Answer::put(put).once(stored))
}

/// A user as a body says it: with a password, with its hash, or with neither for one who cannot log in with a
/// password, also when it could before (as for RabbitMQ).
fn read(name: UserName, body: &Map<String, Value>) -> Result<store::User, ApiError> {
    let tags = fields::tags(body, "tags")?;
    let tags =
        tags.ok_or_else(|| fields::missing("tags", "a list of texts, which may be empty"))?;
    let algorithm = fields::text(body, "hashing_algorithm")?;
    let default = || HashAlgorithm::default().as_str().to_owned();
    let (password_hash, hashing_algorithm) =
        match (fields::text(body, "password")?, fields::text(body, "password_hash")?) {
            (Some(_), Some(_)) => {
                return Err(ApiError::bad_request(
                    "both password and password_hash are given: one is meant",
                ));
            }
            (Some(password), None) if !password.is_empty() => (Some(hash(&password)?), default()),
            (None, Some(hash)) if !hash.is_empty() => {
                (Some(hash), algorithm.unwrap_or_else(default))
            }
            _ => (None, default()),
        };
    // What other brokers call it is kept under RabbitMQ's name.
    let hashing_algorithm = HashAlgorithm::parse(&hashing_algorithm)
        .map_err(|error| ApiError::bad_request(format!("user '{name}': {error}")))?;
    let hashing_algorithm = hashing_algorithm.as_str().to_owned();
    Ok(store::User { name, password_hash, hashing_algorithm, tags })
}

fn hash(password: &str) -> Result<String, ApiError> {
    let hash = PasswordHash::new(password.as_bytes());
    hash.map(|hash| hash.to_base64()).map_err(|error| ApiError::unavailable(error.to_string()))
}

fn hash_password(call: &Call) -> Result<Answer, ApiError> {
    let answer = Answer::object(json!({ "ok": hash(call.segment("password"))? }));
    // Whoever keeps answers would keep the password with them.
    Ok(answer.with(header::CACHE_CONTROL, HeaderValue::from_static("no-store")))
}

fn delete(call: &Call) -> Result<Answer, ApiError> {
    let (done, stored) = Stored::pair();
    call.broker().delete_user(&call.actor(), &call.name("user")?, done)?;
    Ok(Answer::no_content().once(stored))
}

/// Those that are not there are as good as deleted.
fn delete_many(call: Call) -> Answering {
    Box::pin(async move {
        let body = call.object()?;
        let Some(Value::Array(names)) = body.get("users") else {
            return Err(fields::missing("users", "a list of names"));
        };
        let names: Vec<UserName> = names
            .iter()
            .map(|name| match name {
                Value::String(name) => parse_name("users", name),
                other => Err(fields::wrong("users", other, "a list of names")),
            })
            .collect::<Result<_, _>>()?;
        for name in names {
            let (done, stored) = Stored::pair();
            match call.broker().delete_user(&call.actor(), &name, done) {
                Ok(()) => stored.wait().await?,
                Err(AccountError::NoSuchUser(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Answer::no_content())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(body: &Value) -> Result<store::User, ApiError> {
        let name = UserName::try_from("ann").expect("short");
        read(name, body.as_object().expect("an object"))
    }

    #[test]
    fn a_user_has_a_password_or_a_hash_or_neither() {
        let with = user(&json!({ "password": "secret", "tags": "administrator" })).expect("good");
        let hash = with.password_hash.expect("a hash");
        let hash = PasswordHash::parse(HashAlgorithm::Sha256, &hash).expect("base64");
        assert!(hash.matches(b"secret"));
        assert_eq!(with.tags, ["administrator"]);
        let taken =
            user(&json!({ "password_hash": "abc", "hashing_algorithm": "SHA512", "tags": [] }));
        let taken = taken.expect("good");
        assert_eq!(taken.hashing_algorithm, "rabbit_password_hashing_sha512");
        assert_eq!(taken.password_hash.as_deref(), Some("abc"));
        for none in [json!({ "tags": [] }), json!({ "password_hash": "", "tags": "" })] {
            assert_eq!(user(&none).expect("good").password_hash, None);
        }
    }

    #[test]
    fn a_user_without_tags_or_with_two_passwords_is_refused() {
        for wrong in [
            json!({ "password": "a" }),
            json!({ "password": "a", "password_hash": "b", "tags": [] }),
            json!({ "password": 1, "tags": [] }),
            json!({ "password_hash": "b", "hashing_algorithm": "md5", "tags": [] }),
        ] {
            let error = user(&wrong).expect_err("refused");
            assert_eq!(error.status, axum::http::StatusCode::BAD_REQUEST, "{wrong}");
        }
    }
}
