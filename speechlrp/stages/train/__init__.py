"""train, augment and retrain: networks, from features or recordings, or as others trained them."""
