//! The speakers' protocol on a simulated LAN, with the core that ships: seeded, so that what fails fails again.
//!
//! What broke simpler rules, and the tests that watch over it:
//!
//! 1. A node that receives nothing, a port that is off for a moment:
//!    `liveness::who_hears_nobody_any_more_loses_its_addresses`,
//!    `faults::a_port_that_was_down_for_a_moment_brings_no_address_to_its_node`,
//!    `faults::a_node_whose_port_was_down_claims_nothing_when_it_meets_the_others`.
//! 2. A process that is stuck: `faults::a_pause_moves_no_foreign_address`,
//!    `faults::who_was_paused_does_not_answer_for_what_others_took`, `liveness::a_pause_of_everybody_moves_nothing`.
//! 3. A conflict that each side decides differently: `faults::after_a_partition_each_address_has_one_holder_soon`,
//!    `faults::what_is_given_up_after_a_partition_is_not_claimed_by_a_third_that_does_not_know_the_winner_yet`.
//! 4. Views that differ: `moves::an_heir_that_will_not_is_passed_over`,
//!    `views::nodes_that_each_prefer_the_other_do_not_pass_an_address_back_and_forth`.
//! 5. A successor that is dead, ranks that differ: `faults::a_holder_and_its_successor_that_die_together_are_replaced`,
//!    `faults::an_orphan_finds_a_holder_although_all_rank_differently`.
//! 6. A release that is seen before the claim: `moves::a_release_is_no_orphan_for_one_who_did_not_see_the_new_claim`.
//! 7. Loss: `faults::loss_of_a_frame_in_twenty_moves_nothing`, `laws::of_frames_a_fifth_may_be_lost`.
//! 8. Two that hear the third only:
//!    `faults::two_nodes_that_do_not_hear_each_other_keep_one_holder_of_each_address`.
//! 9. A quick restart: `faults::a_quick_restart_leaves_one_holder_of_each_address`.
//! 10. Thousands of claims: `sizes::a_newcomer_learns_thousands_of_claims_over_a_lossy_network`.
//! 11. Boots from a clock that goes backwards: `faults::boots_have_no_order`.
//! 12. The old holder is gone right after its release:
//!     `moves::who_asked_between_the_takeover_and_the_release_learns_the_heir`.

mod asked;
mod before;
mod conflicts;
mod epochs;
mod faults;
mod groups;
mod laws;
mod liveness;
mod moves;
mod near;
mod owners;
mod pauses;
mod replays;
mod returns;
mod sequences;
mod sizes;
mod stuns;
mod trunk;
mod views;
mod witnesses;
mod world;
