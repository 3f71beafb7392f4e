use super::*;

#[test]
fn equal_attributes_are_kept_once_and_unused_ones_are_dropped() {
    let mut interner = Interner::default();
    let of = |local_pref| Attributes {
        local_pref: Some(local_pref),
        ..Attributes::default()
    };
    let [one, same] = [interner.intern(of(1)), interner.intern(of(1))];
    assert!(Arc::ptr_eq(&one, &same));
    drop((one, same));
    let other = interner.intern(of(2));
    assert_eq!(interner.kept.into_keys().collect::<Vec<_>>(), [of(2)]);
    assert_eq!(*other, of(2));
}

#[test]
fn well_known_communities_have_the_numbers_of_the_registry() {
    let numbers = |name| Community::well_known(name).map(|Community(high, low)| (high, low));
    assert_eq!(numbers("no-export"), Some((0xffff, 0xff01)));
    assert_eq!(numbers("no-advertise"), Some((0xffff, 0xff02)));
    assert_eq!(numbers("no-export-subconfed"), Some((0xffff, 0xff03)));
    assert_eq!(numbers("no-peer"), Some((0xffff, 0xff04)));
    assert_eq!(numbers("blackhole"), Some((0xffff, 0x029a)));
    assert_eq!(numbers("graceful-shutdown"), Some((0xffff, 0)));
    assert_eq!(numbers("no-such"), None);
}
