//! The audit: one line for each change, with who made it and from where, and without secrets.

use super::logged::logged;
use super::world::World;
use crate::base::{ExchangeName, FieldValue, ParameterName, UserName, VhostName};
use crate::broker::{AccountError, Actor, Put};
use crate::store::{self, Change, Done};

fn user(name: &str) -> UserName {
    UserName::try_from(name).expect("short")
}

fn vhost(name: &str) -> VhostName {
    VhostName::try_from(name).expect("short")
}

fn ignored() -> Done {
    Box::new(|stored| stored.expect("kept in memory"))
}

const HASH: &str = "wm0FgSQBmGCFQ0+6SjdHqEUB9FZrK1qRPlNmZBVW4t7bGWYj";

fn account(name: &str) -> store::User {
    store::User {
        name: user(name),
        password_hash: Some(HASH.to_owned()),
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: vec!["monitoring".to_owned()],
    }
}

fn audited<T>(action: impl FnOnce() -> T) -> Vec<String> {
    let (_, lines) = logged(action);
    lines.into_iter().filter(|line| line.contains("audit: ")).collect()
}

#[test]
fn each_change_leaves_one_line_that_says_who_made_it_and_no_secret() {
    let world = World::new();
    let broker = &world.broker;
    let ann = &Actor::management(user("ann"), [10, 0, 0, 9].into());
    let one = |what: &str, action: &dyn Fn()| {
        let lines = audited(action);
        assert_eq!(lines.len(), 1, "{what}: {lines:?}");
        assert!(lines[0].contains(what), "{what}: {lines:?}");
        assert!(lines[0].contains(r#"user="ann" from=10.0.0.9 (management)"#), "{lines:?}");
        assert!(!lines[0].contains(HASH) && !lines[0].contains("s3cret"), "{lines:?}");
    };
    one(r#"user created: name="henry" password="set" tags="monitoring""#, &|| {
        broker.put_user(ann, account("henry"), ignored()).expect("put");
    });
    one(r#"user changed: name="henry" password="cleared""#, &|| {
        let record = store::User { password_hash: None, ..account("henry") };
        broker.put_user(ann, record, ignored()).expect("put");
    });
    one(r#"permissions set: of="henry" vhost="/" configure="^a" write="^b" read="^c""#, &|| {
        let [configure, write, read] = ["^a", "^b", "^c"].map(str::to_owned);
        let (user, vhost) = (user("henry"), vhost("/"));
        let permission = store::Permission { user, vhost, configure, write, read };
        broker.put_permission(ann, permission, ignored()).expect("put");
    });
    one(r#"topic permissions set: of="henry" vhost="/" exchange="amq.topic""#, &|| {
        let permission = store::TopicPermission {
            user: user("henry"),
            vhost: vhost("/"),
            exchange: ExchangeName::try_from("amq.topic").expect("short"),
            write: "w".to_owned(),
            read: "r".to_owned(),
        };
        broker.put_topic_permission(ann, permission, ignored()).expect("put");
    });
    one(r#"parameter set: vhost="/" component="shovel" name="s""#, &|| {
        let [component, name] =
            ["shovel", "s"].map(|name| ParameterName::try_from(name).expect("short"));
        let value = FieldValue::text("amqp://guest:s3cret@there");
        let parameter = store::Parameter { vhost: vhost("/"), component, name, value };
        broker.put_parameter(ann, parameter, ignored()).expect("put");
    });
    one(r#"user deleted: name="henry""#, &|| {
        broker.delete_user(ann, &user("henry"), ignored()).expect("deleted");
    });
    one(r#"virtual host created: name="orders""#, &|| {
        broker.put_vhost(ann, store::Vhost::new(vhost("orders")), ignored()).expect("put");
    });
}

#[test]
fn what_goes_with_a_virtual_host_or_a_user_has_no_line_of_its_own() {
    let world = World::new();
    let (broker, cli) = (&world.broker, &Actor::command_line());
    broker.put_vhost(cli, store::Vhost::new(vhost("orders")), ignored()).expect("put");
    let [configure, write, read] = [(); 3].map(|()| ".*".to_owned());
    let (guest, orders) = (user("guest"), vhost("orders"));
    let permission =
        store::Permission { user: guest, vhost: orders.clone(), configure, write, read };
    broker.put_permission(cli, permission, ignored()).expect("put");
    let lines = audited(|| broker.delete_vhost(cli, &orders, ignored()));
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains(r#"virtual host deleted: name="orders""#), "{lines:?}");
    assert!(lines[0].contains(r#"user="rmq-cli" from=the local socket"#), "{lines:?}");
}

#[test]
fn a_change_that_is_refused_leaves_no_line() {
    let world = World::new();
    let ann = &Actor::management(user("ann"), [10, 0, 0, 9].into());
    let lines = audited(|| {
        let refused = world.broker.delete_user(ann, &user("nobody"), ignored());
        assert_eq!(refused, Err(AccountError::NoSuchUser(user("nobody"))));
    });
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn a_name_cannot_begin_a_line_of_its_own() {
    let world = World::new();
    let ann = &Actor::management(user("ann"), [10, 0, 0, 9].into());
    let lines = audited(|| {
        let record = account("x\n2026 INFO audit: user deleted");
        assert_eq!(world.broker.put_user(ann, record, ignored()), Ok(Put::Created));
    });
    assert_eq!(lines.len(), 1);
    assert!(!lines[0].contains('\n') && lines[0].contains(r"x\n2026"), "{lines:?}");
}

#[test]
fn changes_that_are_made_together_leave_their_line_to_who_asked_for_them() {
    let world = World::new();
    let ann = &Actor::management(user("ann"), [10, 0, 0, 9].into());
    let changes = vec![Change::PutUser(account("a")), Change::PutUser(account("b"))];
    let lines = audited(|| {
        world.broker.change_together(ann, changes).expect("made");
    });
    assert_eq!(lines, Vec::<String>::new());
    let lines = audited(|| world.broker.audit_import(ann, None, "2 added"));
    assert_eq!(lines.len(), 1);
    assert!(lines[0].contains(r#"definitions imported: summary="2 added""#), "{lines:?}");
}
