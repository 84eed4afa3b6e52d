import Testing

/// Tests of the built programs with clients, one at a time, since some of them measure.
@Suite(.serialized, .timeLimit(.minutes(5))) struct EndToEnd {}
