//! The walk: rights change, connections come and go, and everybody asks for things.

use std::env;

use super::model::{Ask, Asker, EXCHANGES, KEYS, Model, QUEUES, USERS, VHOSTS};
use super::pattern::Pattern;
use super::random::Random;
use crate::base::{ExchangeName, FieldTable, FieldValue, ShortStr, UserName, VhostName};
use crate::broker::tests::world::{Hand, MANUAL, WATERMARK_BYTES, World, queue};
use crate::broker::{Actor, Answered, Binding, DeclareExchange, DeclareQueue, Destination, Peer};
use crate::store::{self, Done};

/// Rounds of one run, each with a broker of its own.
const ROUNDS: u64 = 300;

/// Steps of a round.
const STEPS: usize = 250;

/// More than there are in a round would only be closed later.
const CONNECTIONS_MAX: usize = 6;

/// Steps that a failure shows.
const LAST: usize = 15;

struct Walk {
    random: Random,
    world: World,
    model: Model,
    /// With their numbers, which are never given twice.
    connections: Vec<(Asker, Hand)>,
    opened: usize,
    /// How many things were allowed, and how many were not.
    outcomes: [usize; 2],
}

fn user(name: &str) -> UserName {
    UserName::try_from(name).expect("short")
}

fn vhost(name: &str) -> VhostName {
    VhostName::try_from(name).expect("short")
}

fn exchange(name: &str) -> ExchangeName {
    ExchangeName::try_from(name).expect("short")
}

fn done() -> Done {
    Box::new(|stored| stored.expect("nothing is kept on disk"))
}

impl Walk {
    fn new(seed: u64) -> Self {
        let world = World::with(&[], WATERMARK_BYTES);
        for name in VHOSTS {
            let record = store::Vhost::new(vhost(name));
            world.broker.put_vhost(&Actor::internal(), record, done()).expect("a new virtual host");
        }
        for name in USERS {
            put_user(&world, name);
        }
        Self {
            random: Random::new(seed),
            world,
            model: Model::new(),
            connections: Vec::new(),
            opened: 0,
            outcomes: [0; 2],
        }
    }

    fn step(&mut self) -> String {
        match self.random.index(100) {
            0..7 => self.change_permissions(),
            7..11 => self.change_topics(),
            11 => self.replace_user(),
            12..20 => self.connect(),
            20..22 => self.disconnect(),
            _ => self.ask(),
        }
    }

    fn change_permissions(&mut self) -> String {
        let (name, place) = (self.random.pick(&USERS), self.random.pick(&VHOSTS));
        if self.random.percent(15) {
            let were_there = self.model.may_enter(name, place);
            self.model.permit(name, place, None);
            let gone = self.world.broker.delete_permission(
                &Actor::internal(),
                &user(name),
                &vhost(place),
                done(),
            );
            assert_eq!(gone, Ok(were_there));
            return format!("{name} has no permissions in {place}");
        }
        let names = QUEUES.iter().map(|queue| queue.name);
        let names = names.chain(EXCHANGES.iter().map(|exchange| exchange.name));
        let names: Vec<&str> =
            names.filter(|name| !name.is_empty()).chain(["amq.default"]).collect();
        let patterns = [(); 3].map(|()| Pattern::any(&mut self.random, &names));
        self.model.permit(name, place, Some(patterns));
        let [configure, write, read] = patterns.map(Pattern::text);
        let (of, at) = (user(name), vhost(place));
        let record = store::Permission { user: of, vhost: at, configure, write, read };
        self.world
            .broker
            .put_permission(&Actor::internal(), record, done())
            .expect("good patterns");
        format!("{name} has {patterns:?} in {place}")
    }

    fn change_topics(&mut self) -> String {
        let (name, place) = (self.random.pick(&USERS), self.random.pick(&VHOSTS));
        let of = self.random.pick(&["x-a", "x-b", "amq.topic", "b.in"]);
        if self.random.percent(25) {
            let one = self.random.percent(50).then_some(of);
            self.model.forget_topics(name, place, one);
            let which = one.map(exchange);
            let broker = &self.world.broker;
            broker
                .delete_topic_permissions(
                    &Actor::internal(),
                    &user(name),
                    &vhost(place),
                    which.as_ref(),
                    done(),
                )
                .expect("the user is there");
            return format!("{name} has no topic permissions in {place} on {one:?}");
        }
        let patterns = [(); 2].map(|()| Pattern::any_topic(&mut self.random, &KEYS));
        self.model.permit_topics(name, place, of, patterns);
        let [write, read] = patterns.map(Pattern::text);
        let (user, vhost) = (user(name), vhost(place));
        let record = store::TopicPermission { user, vhost, exchange: exchange(of), write, read };
        self.world
            .broker
            .put_topic_permission(&Actor::internal(), record, done())
            .expect("good patterns");
        format!("{name} has topics {patterns:?} on {of} in {place}")
    }

    /// Deletes a user and makes it again: its rights are gone, and nothing of them comes back. Its
    /// connections are told to end; until they do, they may do nothing.
    fn replace_user(&mut self) -> String {
        let name = self.random.pick(&USERS);
        self.model.forget_user(name);
        self.world
            .broker
            .delete_user(&Actor::internal(), &user(name), done())
            .expect("it is there");
        put_user(&self.world, name);
        format!("{name} is another one")
    }

    fn connect(&mut self) -> String {
        let (name, place) = (self.random.pick(&USERS), self.random.pick(&VHOSTS));
        if self.connections.len() == CONNECTIONS_MAX {
            return self.disconnect();
        }
        let opened = self.world.broker.open_vhost(&vhost(place), &user(name));
        let opened = opened.map_err(|refused| refused.to_string());
        if self.model.may_enter(name, place) {
            let opened = opened.expect("a user with permissions enters");
            let peer = Peer::new(self.world.broker.next_connection_id(), user(name));
            let hand = self.world.connect_as(opened, peer);
            let asker = Asker { connection: self.opened, user: name, vhost: place };
            self.opened += 1;
            self.connections.push((asker, hand));
        } else {
            let text = format!("NOT_ALLOWED - access to vhost '{place}' refused for user '{name}'");
            assert_eq!(opened.map(|_| ()), Err(text));
        }
        format!("{name} enters {place}")
    }

    fn disconnect(&mut self) -> String {
        if self.connections.is_empty() {
            return "nobody leaves".to_owned();
        }
        let place = self.random.index(self.connections.len());
        let (asker, hand) = self.connections.swap_remove(place);
        drop(hand);
        self.world.noted.run_all();
        self.model.close(asker.connection);
        format!("{asker:?} leaves")
    }

    fn ask(&mut self) -> String {
        if self.connections.is_empty() {
            return self.connect();
        }
        let ask = self.any_ask();
        let place = self.random.index(self.connections.len());
        let (asker, hand) = &mut self.connections[place];
        let expected = self.model.ask(*asker, ask);
        let got = carry_out(hand, ask);
        self.outcomes[usize::from(expected.is_err())] += 1;
        let same = match (&expected, &got) {
            (Ok(()), Ok(())) => true,
            // The sentence about a locked queue is longer.
            (Err(expected), Err(got)) => got.starts_with(expected.as_str()),
            _ => false,
        };
        assert!(same, "{asker:?} asks {ask:?}: expected {expected:?}, got {got:?}");
        format!("{asker:?} asks {ask:?}: {got:?}")
    }

    fn any_ask(&mut self) -> Ask {
        let random = &mut self.random;
        let (queue, exchange) = (random.pick(&QUEUES), random.pick(&EXCHANGES));
        let (other, key) = (random.pick(&EXCHANGES), random.pick(&KEYS));
        match random.index(20) {
            0..3 => Ask::DeclareQueue(queue),
            3 => Ask::DeclareQueuePassive(queue),
            4 => Ask::DeleteQueue(queue),
            5 => Ask::Purge(queue),
            6 => Ask::Get(queue),
            7 => Ask::Consume(queue),
            8..11 => Ask::DeclareExchange(exchange),
            11 => Ask::DeclareExchangePassive(exchange),
            12 => Ask::DeleteExchange(exchange),
            13 => Ask::BindQueue(queue, exchange, key),
            14 => Ask::UnbindQueue(queue, exchange, key),
            15 => Ask::BindExchange(exchange, other, key),
            16 => Ask::UnbindExchange(exchange, other, key),
            _ => Ask::Publish(exchange, key),
        }
    }
}

fn put_user(world: &World, name: &str) {
    let record = store::User {
        name: user(name),
        password_hash: None,
        hashing_algorithm: "rabbit_password_hashing_sha256".to_owned(),
        tags: vec!["administrator".to_owned()],
    };
    world.broker.put_user(&Actor::internal(), record, done()).expect("a good user");
}

fn carry_out(hand: &mut Hand, ask: Ask) -> Result<(), String> {
    let holder = hand.holder;
    let step = match ask {
        Ask::DeclareQueue(_) | Ask::DeclareQueuePassive(_) => {
            hand.client.queue_declare(holder, queue_declare(ask))
        }
        Ask::DeleteQueue(one) => hand.client.queue_delete(holder, &queue(one.name), false, false),
        Ask::Purge(one) => hand.client.queue_purge(holder, &queue(one.name)),
        Ask::Get(one) => return hand.get(one.name).map(drop),
        Ask::Consume(one) => return hand.consume(one.name, MANUAL).map(drop),
        Ask::DeclareExchange(_) | Ask::DeclareExchangePassive(_) => {
            hand.client.exchange_declare(holder, exchange_declare(ask))
        }
        Ask::DeleteExchange(one) => hand.client.exchange_delete(holder, &exchange(one.name), false),
        Ask::BindQueue(one, source, key) => {
            let to = Destination::Queue(queue(one.name));
            hand.client.bind(holder, &binding(source.name, to, key))
        }
        Ask::UnbindQueue(one, source, key) => {
            let to = Destination::Queue(queue(one.name));
            hand.client.unbind(holder, &binding(source.name, to, key))
        }
        Ask::BindExchange(one, source, key) => {
            let to = Destination::Exchange(exchange(one.name));
            hand.client.bind(holder, &binding(source.name, to, key))
        }
        Ask::UnbindExchange(one, source, key) => {
            let to = Destination::Exchange(exchange(one.name));
            hand.client.unbind(holder, &binding(source.name, to, key))
        }
        Ask::Publish(one, key) => {
            let published = hand.publish_to(one.name, key, b"m").map(drop);
            hand.flush();
            return published;
        }
    };
    hand.answered(step).map(|_: Answered| ())
}

fn binding(source: &str, destination: Destination, key: &str) -> Binding {
    Binding {
        source: exchange(source),
        destination,
        routing_key: ShortStr::try_from(key).expect("short"),
        arguments: FieldTable::EMPTY,
    }
}

fn argument(name: &str, value: Option<&str>) -> FieldTable {
    let mut arguments = FieldTable::EMPTY;
    if let Some(value) = value {
        arguments.push(ShortStr::try_from(name).expect("short"), FieldValue::text(value));
    }
    arguments
}

fn queue_declare(ask: Ask) -> DeclareQueue {
    let (Ask::DeclareQueue(one) | Ask::DeclareQueuePassive(one)) = ask else {
        unreachable!("{ask:?} declares no queue")
    };
    DeclareQueue {
        queue: queue(one.name),
        passive: matches!(ask, Ask::DeclareQueuePassive(_)),
        durable: false,
        exclusive: one.exclusive,
        auto_delete: false,
        arguments: argument("x-dead-letter-exchange", one.dead_letter),
    }
}

fn exchange_declare(ask: Ask) -> DeclareExchange {
    let (Ask::DeclareExchange(one) | Ask::DeclareExchangePassive(one)) = ask else {
        unreachable!("{ask:?} declares no exchange")
    };
    DeclareExchange {
        exchange: exchange(one.name),
        kind: ShortStr::try_from(one.kind).expect("short"),
        passive: matches!(ask, Ask::DeclareExchangePassive(_)),
        durable: one.name.starts_with("amq."),
        auto_delete: false,
        internal: one.internal,
        arguments: argument("alternate-exchange", one.alternate),
    }
}

/// Prints what failed and how to see it again.
struct Tale {
    seed: u64,
    steps: Vec<String>,
}

impl Drop for Tale {
    #[expect(clippy::print_stderr, reason = "how to see a failure again is for people")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            let (steps, seed) = (&self.steps, self.seed);
            let last = &steps[steps.len().saturating_sub(LAST)..];
            eprintln!("the last of {} good steps:\n{}", steps.len(), last.join("\n"));
            eprintln!("again: HAREMQ_RIGHTS_SEED={seed} cargo test --lib users_with_random_rights");
        }
    }
}

#[test]
fn users_with_random_rights_may_do_what_a_model_says() {
    let asked = |name| env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    let first = asked("HAREMQ_RIGHTS_SEED");
    let rounds = asked("HAREMQ_RIGHTS_ROUNDS").unwrap_or(if first.is_some() { 1 } else { ROUNDS });
    let first = first.unwrap_or_else(any_seed);
    let mut outcomes = [0; 2];
    for seed in (0..rounds).map(|round| first.wrapping_add(round)) {
        let mut walk = Walk::new(seed);
        let mut tale = Tale { seed, steps: Vec::new() };
        for _ in 0..STEPS {
            let step = walk.step();
            tale.steps.push(step);
        }
        for (sum, more) in outcomes.iter_mut().zip(walk.outcomes) {
            *sum += more;
        }
    }
    // Neither is everything allowed nor nothing.
    let [allowed, refused] = outcomes;
    assert!(allowed > 20 * usize::try_from(rounds).expect("not many"), "{outcomes:?}");
    assert!(refused > 20 * usize::try_from(rounds).expect("not many"), "{outcomes:?}");
}

/// Another one each time.
fn any_seed() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    RandomState::new().build_hasher().finish()
}
