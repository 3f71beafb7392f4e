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
