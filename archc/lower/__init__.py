"""From a document to a network: names resolved, loops unrolled, shapes known."""
