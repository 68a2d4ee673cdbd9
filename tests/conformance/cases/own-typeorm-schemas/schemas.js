const { EntitySchema } = require('typeorm');
const columns = { createdAt: { type: 'timestamp with time zone', createDate: true }, updatedAt: { type: 'timestamp with time zone', updateDate: true } };
module.exports.Tag = new EntitySchema({
  name: 'Tag',
  columns: { ...columns, id: { type: 'uuid', primary: true, generated: 'uuid' }, title: { type: String, length: 50, unique: true }, colour: { type: 'enum', enum: ['red', 'blue'], enumName: 'tag_colour', default: 'red' } },
});
const Article = new EntitySchema({
  name: 'Article', tableName: 'articles', schema: 'blog',
  columns: {
    id: { primary: true, type: 'int', generated: true },
    slug: { type: 'varchar' }, body: { type: 'text', nullable: true, comment: 'the body' },
    rating: { type: 'decimal', precision: 4, scale: 2, default: 0 }, removed: { type: 'timestamp', deleteDate: true },
    v: { type: 'int', version: true }, words: { type: 'int', array: true, default: '{}' },
  },
  relations: {
    tags: { type: 'many-to-many', target: 'Tag', joinTable: { name: 'article_tags', joinColumn: { name: 'article' }, inverseJoinColumn: { name: 'tag', referencedColumnName: 'id' } } },
    mainTag: { type: 'many-to-one', target: 'Tag', joinColumn: true, nullable: false, onDelete: 'RESTRICT' },
    cover: { type: 'one-to-one', target: () => 'Picture', joinColumn: { name: 'cover_id' }, inverseSide: 'article' },
    others: { type: 'many-to-many', target: 'Article', joinTable: true },
  },
  indices: [{ columns: ['slug', 'rating'], unique: true }, { name: 'art_where', columns: ['slug'], where: 'body IS NULL' }],
  uniques: [{ name: 'one_slug', columns: ['slug'] }],
  checks: [{ expression: '"rating" < 10' }, { name: 'pos', expression: '"rating" >= 0' }],
  exclusions: [{ name: 'art_ex', expression: 'USING gist ("slug" WITH =)' }],
});
const Picture = new EntitySchema({ name: 'Picture', columns: { id: { type: Number, primary: true }, url: { type: 'text' } }, relations: { article: { type: 'one-to-one', target: 'Article', inverseSide: 'cover' } }, embeddeds: { size: { schema: new EntitySchema({ name: 'Size', columns: { width: { type: 'int' }, height: { type: 'int', name: 'h' } } }), prefix: 'size_' } } });
module.exports.Article = Article; module.exports.Picture = Picture;
