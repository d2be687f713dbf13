//! Which things have lines of their own. Pure.

/// Leaves the busiest, at most so many; says how many went. Those that stay keep their order, so that a page does not
/// change its order with the load.
pub(super) fn busiest<T>(things: &mut Vec<T>, most: usize, busy: impl Fn(&T) -> u64) -> usize {
    let left_out = things.len().saturating_sub(most);
    if left_out > 0 {
        let mut ranks: Vec<(u64, usize)> =
            things.iter().enumerate().map(|(place, thing)| (busy(thing), place)).collect();
        ranks.select_nth_unstable_by(most, |a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut stays = vec![false; things.len()];
        for (_, place) in &ranks[..most] {
            stays[*place] = true;
        }
        let mut stays = stays.into_iter();
        things.retain(|_| stays.next().unwrap_or_default());
    }
    left_out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_busiest_stay_in_their_order_and_of_equals_the_first() {
        let mut things = vec![1, 9, 3, 9, 3, 0];
        assert_eq!(busiest(&mut things, 3, |thing| *thing), 3);
        assert_eq!(things, [9, 3, 9]);
        assert_eq!(busiest(&mut things, 3, |thing| *thing), 0);
        assert_eq!(things.len(), 3);
    }
}
