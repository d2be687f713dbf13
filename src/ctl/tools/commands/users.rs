//! Users, their passwords and tags.

use serde_json::{Value, json};

use crate::ctl::tools::answer::{Answer, Table, words};
use crate::ctl::tools::call::Call;
use crate::ctl::tools::client::ApiError;
use crate::ctl::tools::failure::{Failure, code};
use crate::ctl::tools::session::{Session, refused};
use crate::ctl::tools::spec::{Column, ColumnKind, CommandSpec, Flag, Section::Users};
use crate::ctl::tools::tool::Tool::{Diagnostics, Rabbitmqctl};

pub(super) const COMMANDS: &[CommandSpec] = &[
    CommandSpec::new("add_user", Users, "Creates a user, who may do nothing yet", add_user)
        .takes("<username> [<password>]")
        .checks(user_and_password)
        .flags(&[HASH])
        .says(|call| format!("Adding user \"{}\" ...", call.argument(0))),
    CommandSpec::new("delete_user", Users, "Removes a user and their permissions", delete_user)
        .takes("<username>")
        .says(|call| format!("Deleting user \"{}\" ...", call.argument(0))),
    CommandSpec::new("change_password", Users, "Gives a user another password", change_password)
        .takes("<username> [<password>]")
        .says(|call| format!("Changing password for user \"{}\" ...", call.argument(0))),
    CommandSpec::new(
        "clear_password",
        Users,
        "Takes the password of a user away, so that none lets them in",
        clear_password,
    )
    .takes("<username>")
    .says(|call| format!("Clearing password for user \"{}\" ...", call.argument(0))),
    CommandSpec::new("authenticate_user", Users, "Tries the password of a user", authenticate_user)
        .takes("<username> [<password>]")
        .says(|call| format!("Authenticating user \"{}\" ...", call.argument(0))),
    CommandSpec::new("set_user_tags", Users, "Replaces the tags of a user", set_user_tags)
        .takes("<username> [<tag> ...]")
        .says(|call| {
            let tags = call.arguments.get(1..).unwrap_or_default().join(", ");
            format!("Setting tags for user \"{}\" to [{tags}] ...", call.argument(0))
        }),
    CommandSpec::new("list_users", Users, "Lists users and their tags", list_users)
        .tools(&[Rabbitmqctl, Diagnostics])
        .says(|_| "Listing users ...".to_owned()),
    CommandSpec::new("hash_password", Users, "Shows the stored form of a password", hash_password)
        .takes("[<password>]")
        .says(|_| "Will hash password".to_owned()),
];

const HASH: Flag = Flag::switch("pre-hashed-password", "The password is the stored form of one");

const COLUMNS: &[Column] =
    &[Column::new("user", "name"), Column::new("tags", "tags").of(ColumnKind::Words)];

fn add_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    let password = password(session)?;
    if session.is_there(&["users", &name])? {
        return Err(Failure::told(code::SOFTWARE, format!("User \"{name}\" already exists")));
    }
    let key = if session.call.has("pre-hashed-password") { "password_hash" } else { "password" };
    session.put(&["users", &name], &json!({ key: password, "tags": "" }))?.map_err(refused)?;
    Ok(Answer::Text(ADDED.to_owned()))
}

fn delete_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    match session.delete(&["users", &name])? {
        Ok(_) => Ok(Answer::Done),
        Err(ApiError::Missing(_)) => Err(no_user(&name)),
        Err(error) => Err(refused(error)),
    }
}

fn change_password(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    let password = password(session)?;
    let user = user(session, &name)?;
    change(session, &name, &json!({ "password": password, "tags": user["tags"] }))
}

fn clear_password(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    let user = user(session, &name)?;
    change(session, &name, &json!({ "password_hash": "", "tags": user["tags"] }))
}

fn set_user_tags(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    let user = user(session, &name)?;
    let given = session.call.arguments.get(1..).unwrap_or_default();
    // Scripts write `[administrator]`, `a,b` and `a b`.
    let tags: Vec<String> =
        given.iter().flat_map(|word| words(&Value::from(word.trim_matches(['[', ']'])))).collect();
    let mut body = json!({ "password_hash": user["password_hash"], "tags": tags });
    if let (Some(algorithm), Some(body)) = (user.get("hashing_algorithm"), body.as_object_mut()) {
        body.insert("hashing_algorithm".to_owned(), algorithm.clone());
    }
    change(session, &name, &body)
}

fn authenticate_user(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let name = named(session)?;
    let password = password(session)?;
    let body = json!({ "username": name, "password": password });
    let reply = session.post(&["haremq", "authenticate"], &body)?.map_err(refused)?;
    if reply.body["authenticated"] == Value::Bool(true) {
        return Ok(Answer::Text("Success".to_owned()));
    }
    let reason = reply.body["reason"].as_str().unwrap_or("invalid credentials");
    let text = format!("Error: failed to authenticate user \"{name}\"\nuser '{name}' - {reason}");
    Err(Failure::told(code::DATA, text))
}

fn list_users(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let users = session.list(&["users"])?;
    Ok(Answer::Table(Table::of(COLUMNS, &users)))
}

fn hash_password(session: &mut Session<'_>) -> Result<Answer, Failure> {
    let password = match session.call.arguments.first() {
        Some(password) => password.clone(),
        None => session.secret("Password")?,
    };
    let answer = session.expect(&["auth", "hash_password", &password])?;
    Ok(Answer::Text(answer["ok"].as_str().unwrap_or_default().to_owned()))
}

fn change(session: &mut Session<'_>, name: &str, body: &Value) -> Result<Answer, Failure> {
    session.put(&["users", name], body)?.map_err(refused)?;
    Ok(Answer::Done)
}

fn user(session: &mut Session<'_>, name: &str) -> Result<Value, Failure> {
    match session.get(&["users", name])? {
        Ok(user) => Ok(user),
        Err(ApiError::Missing(_)) => Err(no_user(name)),
        Err(error) => Err(refused(error)),
    }
}

fn named(session: &Session<'_>) -> Result<String, Failure> {
    user_and_password(session.call)?;
    Ok(session.call.argument(0).to_owned())
}

fn user_and_password(call: &Call) -> Result<(), Failure> {
    if call.argument(0).is_empty() {
        return Err(Failure::argument("user cannot be an empty string"));
    }
    Ok(())
}

/// The argument, or a line of standard input.
fn password(session: &mut Session<'_>) -> Result<String, Failure> {
    match session.call.arguments.get(1) {
        Some(password) if password.is_empty() => {
            Err(Failure::argument("password cannot be an empty string"))
        }
        Some(password) => Ok(password.clone()),
        None => session.secret("Password"),
    }
}

pub(super) fn no_user(name: &str) -> Failure {
    Failure::told(code::NO_USER, format!("User \"{name}\" does not exist"))
}

const ADDED: &str = "Done. Don't forget to grant the user permissions to some virtual hosts! \
                     See 'rabbitmqctl help set_permissions' to learn more.";
