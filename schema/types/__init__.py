"""The GraphQL object types, a file per noun. They show rows and snapshots; they decide nothing and write nothing."""
