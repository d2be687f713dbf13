//! The topic exchange: binding keys are patterns of words between dots, `*` is exactly one word and
//! `#` any number of them.
//!
//! A key without words is the empty key: it matches `#` and the empty pattern, never `*`. Empty words
//! count: `a..b` has three. Words are any bytes.
//!
//! Patterns without `*` and `#` are looked up as a whole. The others form a trie of words. Walking it
//! with a key is running a machine with many states at once, one word at a time. A node of the trie has
//! one parent, so it is reached at most once per word, with one exception: a `#` node stays reached with
//! every word that it swallows. Hence the `#` nodes are kept apart and only ever added to, and a walk
//! costs at most words times nodes, however the `#` stand.

use super::direct::Direct;
use super::index::Map;
use super::key::Key;
use super::slab::Slab;
use super::target::{Matches, Reached, Target, Targets};

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Topic {
    /// Patterns without wildcards.
    exact: Direct,
    nodes: Slab<Node>,
    /// From a node and a word to a node: one map for the whole trie, so that a node is small and a
    /// step is one look-up.
    children: Map<Key, u32>,
}

/// As large as a cache line, and what a walk looks at comes first. Not aligned to one: memory of a larger
/// alignment than usual is copied whenever it grows, and nobody can look meanwhile.
#[derive(Clone, Debug)]
#[repr(C)]
struct Node {
    star: u32,
    hash: u32,
    /// How many children are reached by a word.
    words: u32,
    parent: u32,
    targets: Targets,
    /// How one gets here from the parent.
    step: Step,
    /// Makes the way from a number to a node a shift.
    _room: [u64; 2],
}

#[derive(Clone, Debug)]
enum Step {
    Word(Box<[u8]>),
    Wildcard(Wildcard),
}

#[derive(Clone, Copy, Debug)]
enum Wildcard {
    Star,
    Hash,
}

/// The states of a walk; kept by the caller so that a walk allocates nothing.
#[derive(Clone, Debug, Default)]
pub(super) struct Walk {
    now: Vec<u32>,
    next: Vec<u32>,
    /// `#` nodes that were entered; they stay until the key ends.
    hashes: Reached,
    /// The key under which a child is looked up: four bytes of the node, then the word.
    edge: Vec<u8>,
    /// Nodes looked at, for tests that count work instead of time.
    #[cfg(test)]
    steps: usize,
}

/// The node of the empty pattern.
const ROOT: u32 = 0;

/// How many bytes of an edge are the node.
const NODE_BYTES: usize = size_of::<u32>();

/// No node: the root is nobody's child.
const NONE: u32 = ROOT;

impl Default for Topic {
    fn default() -> Self {
        let mut nodes = Slab::default();
        let root = nodes.insert(Node::new(NONE, Step::Wildcard(Wildcard::Hash)));
        debug_assert_eq!(root, ROOT, "the first number of a slab");
        Self { exact: Direct::default(), nodes, children: Map::default() }
    }
}

impl Topic {
    pub(super) fn add(&mut self, pattern: &[u8], target: Target) {
        if !has_wildcard(pattern) {
            return self.exact.add(pattern, target);
        }
        let mut at = ROOT;
        for word in words(pattern) {
            at = match word {
                b"*" => self.wildcard(at, Wildcard::Star),
                b"#" => self.wildcard(at, Wildcard::Hash),
                word => self.child(at, word),
            };
        }
        self.node_mut(at).targets.add(target);
    }

    pub(super) fn remove(&mut self, pattern: &[u8], target: Target) {
        if !has_wildcard(pattern) {
            return self.exact.remove(pattern, target);
        }
        let mut at = ROOT;
        for word in words(pattern) {
            let next = match word {
                b"*" => self.node(at).star,
                b"#" => self.node(at).hash,
                word => self.known_child(at, word),
            };
            if next == NONE {
                return;
            }
            at = next;
        }
        self.node_mut(at).targets.remove(target);
        self.prune(at);
    }

    /// Adds the targets of every pattern that the key matches.
    pub(super) fn matches(&self, key: &[u8], walk: &mut Walk, matches: &mut Matches) {
        self.exact.matches(key, matches);
        if self.node(ROOT).is_leaf() {
            return;
        }
        walk.now.clear();
        walk.hashes.clear();
        walk.now.push(ROOT);
        self.enter_hashes(ROOT, walk, matches);
        for word in words(key) {
            self.swallow(word, walk, matches);
            if walk.now.is_empty() && walk.hashes.order().is_empty() {
                return;
            }
        }
        for at in &walk.now {
            matches.add(&self.node(*at).targets);
        }
    }

    /// One word of the key: every reached node passes it on to its children.
    fn swallow(&self, word: &[u8], walk: &mut Walk, matches: &mut Matches) {
        walk.edge.clear();
        edge(ROOT, word, &mut walk.edge);
        walk.next.clear();
        // A `#` node that is entered below begins with the next word.
        let hashes = walk.hashes.order().len();
        for i in 0..walk.now.len() + hashes {
            let at = match walk.now.get(i) {
                Some(at) => *at,
                None => walk.hashes.order()[i - walk.now.len()],
            };
            #[cfg(test)]
            {
                walk.steps += 1;
            }
            let node = self.node(at);
            if node.star != NONE {
                walk.next.push(node.star);
            }
            if node.words > 0 {
                walk.edge[..NODE_BYTES].copy_from_slice(&at.to_le_bytes());
                walk.next.extend(self.children.get(walk.edge.as_slice()));
            }
        }
        for i in 0..walk.next.len() {
            self.enter_hashes(walk.next[i], walk, matches);
        }
        std::mem::swap(&mut walk.now, &mut walk.next);
    }

    /// `#` may be no word at all: its node is reached together with its parent. And it may be all that
    /// is left, so its targets match whatever comes.
    fn enter_hashes(&self, from: u32, walk: &mut Walk, matches: &mut Matches) {
        let mut at = self.node(from).hash;
        while at != NONE && walk.hashes.insert(at) {
            let node = self.node(at);
            matches.add(&node.targets);
            at = node.hash;
        }
    }

    fn known_child(&self, at: u32, word: &[u8]) -> u32 {
        self.children.get(&edge_key(at, word)).copied().unwrap_or(NONE)
    }

    fn child(&mut self, at: u32, word: &[u8]) -> u32 {
        let known = self.known_child(at, word);
        if known != NONE {
            return known;
        }
        let child = self.nodes.insert(Node::new(at, Step::Word(word.into())));
        self.children.entry(edge_key(at, word), || child);
        self.node_mut(at).words += 1;
        child
    }

    fn wildcard(&mut self, at: u32, wildcard: Wildcard) -> u32 {
        let known = *self.node_mut(at).wildcard(wildcard);
        if known != NONE {
            return known;
        }
        let child = self.nodes.insert(Node::new(at, Step::Wildcard(wildcard)));
        *self.node_mut(at).wildcard(wildcard) = child;
        child
    }

    /// Removes a node that holds nothing any more, and its parents as far as they then hold nothing.
    fn prune(&mut self, mut at: u32) {
        while at != ROOT && self.node(at).is_empty() {
            let Some(Node { parent, step, .. }) = self.nodes.remove(at) else { return };
            match step {
                Step::Wildcard(wildcard) => *self.node_mut(parent).wildcard(wildcard) = NONE,
                Step::Word(word) => {
                    self.children.remove(&edge_key(parent, &word));
                    self.node_mut(parent).words -= 1;
                }
            }
            at = parent;
        }
    }

    fn node(&self, at: u32) -> &Node {
        self.nodes.get(at).expect("an edge leads to a node: both go together in `prune`")
    }

    fn node_mut(&mut self, at: u32) -> &mut Node {
        self.nodes.get_mut(at).expect("an edge leads to a node: both go together in `prune`")
    }
}

impl Node {
    fn new(parent: u32, step: Step) -> Self {
        let targets = Targets::default();
        Self { star: NONE, hash: NONE, words: 0, parent, targets, step, _room: [0; 2] }
    }

    fn wildcard(&mut self, wildcard: Wildcard) -> &mut u32 {
        match wildcard {
            Wildcard::Star => &mut self.star,
            Wildcard::Hash => &mut self.hash,
        }
    }

    fn is_leaf(&self) -> bool {
        self.star == NONE && self.hash == NONE && self.words == 0
    }

    fn is_empty(&self) -> bool {
        self.is_leaf() && self.targets.is_empty()
    }
}

fn edge(node: u32, word: &[u8], out: &mut Vec<u8>) {
    out.extend(node.to_le_bytes());
    out.extend(word);
}

fn edge_key(node: u32, word: &[u8]) -> Key {
    let mut out = Vec::with_capacity(NODE_BYTES + word.len());
    edge(node, word, &mut out);
    out.as_slice().into()
}

/// The empty key has no words at all, not one that is empty.
fn words(key: &[u8]) -> impl Iterator<Item = &[u8]> {
    key.split(|byte| *byte == b'.').skip(usize::from(key.is_empty()))
}

fn has_wildcard(pattern: &[u8]) -> bool {
    words(pattern).any(|word| matches!(word, b"*" | b"#"))
}

#[cfg(test)]
mod tests;
